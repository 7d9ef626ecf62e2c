/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "aead_private.h"
#include "test_eal.h"
#include "test_random.h"

#define TEXT_MAX 9000
#define BURST_MAX 64
#define SLOT (TEXT_MAX + AEAD_TAG_LEN)

/*
 * A tag authenticates the ciphertext, so length and tag stand for the whole of it; its first block
 * is there for the reader who has the RFC open.
 */
static const struct rfc_vector {
	const char *key, *prefix, *aad, *text, *first_block, *tag;
	uint64_t counter;
} rfc_vectors[] = {
	/* RFC 8439, 2.8.2 */
	{
		.key = "808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f",
		.prefix = "07000000",
		.counter = 0x4746454443424140,
		.aad = "50515253c0c1c2c3c4c5c6c7",
		.text = "Ladies and Gentlemen of the class of '99: If I could offer you "
			"only one tip for the future, sunscreen would be it.",
		.first_block = "d31a8d34648e60db7b86afbc53ef7ec2",
		.tag = "1ae10b594f09e26a7e902ecbd0600691",
	},
	/* RFC 8439, A.5 */
	{
		.key = "1c9240a5eb55d38af333888604f6b5f0473917c1402b80099dca5cbc207075c0",
		.prefix = "00000000",
		.counter = 0x0807060504030201,
		.aad = "f33388860000000000004e91",
		.text = "Internet-Drafts are draft documents valid for a maximum of six "
			"months and may be updated, replaced, or obsoleted by other "
			"documents at any time. It is inappropriate to use Internet-"
			"Drafts as reference material or to cite them other than as "
			"/\xe2\x80\x9cwork in progress./\xe2\x80\x9d",
		.first_block = "64a0861575861af460f062c79be643bd",
		.tag = "eead9d67890cbb22392336fea1851f38",
	},
};

/* From aead_model.py. Byte i of the key is seed + 7 i, of the text seed + 1 + 7 i. */
static const struct wg_vector {
	uint32_t len;
	uint64_t counter;
	uint8_t seed;
	const char *tag;
} wg_vectors[] = {
	{0, 0x0, 10, "c86fd09e5375d78ff23ad41ced974b8f"},
	{1, 0x1, 11, "4c8871b12841957daa26ffabcfc2f27d"},
	{15, 0xff, 12, "32d4a1809d9924e279e010051f46beab"},
	{16, 0x102030405060708, 13, "26ef0287f284824a3ce7738a5b108669"},
	{17, 0xffffffff, 14, "db39a265cdb4082decb1c5ba9b4c068c"},
	{48, 0x100000000, 15, "f5e7159fccf84bd48eb306af3a80e9be"},
	{63, 0xffffffffffffdffe, 16, "9757e9ccdb47aa02e42114d3620440cb"},
	{64, 0x0, 17, "d2f9b23b13b59816846741d788f1ee66"},
	{65, 0x1, 18, "15228d2d0827d4c6d9ef30aa32adb8d9"},
	{112, 0xff, 19, "7e8cef1acfb47a2f0b6edcc3c95be115"},
	{127, 0x102030405060708, 20, "d3b7f005f1ad1875029e1bb3af992f15"},
	{128, 0xffffffff, 21, "06130a344238c3d00bc3b345e303eae4"},
	{191, 0x100000000, 22, "8acb781944eceeff65d5bdb0035a43c2"},
	{192, 0xffffffffffffdffe, 23, "ca0b95e04cefa965e3448ebb3403aac9"},
	{256, 0x0, 24, "2d554296696e9ec5942cc04eba256bae"},
	{257, 0x1, 25, "3dd1e840adc68fcc3d239db5e13ed02b"},
	{320, 0xff, 26, "4e3074938952920df46f80408c80abca"},
	{511, 0x102030405060708, 27, "79f38bd2d0d63e26a4eb70e122c19754"},
	{512, 0xffffffff, 28, "75af6505db4a232136c48e4557a65a06"},
	{513, 0x100000000, 29, "b1ba359d25161b2569f404c484710f02"},
	{768, 0xffffffffffffdffe, 30, "7097bc8131ac7c9cadfe17550b41ce5c"},
	{1008, 0x0, 31, "b07e28272a68f7b9d9e3f54d417da92e"},
	{1024, 0x1, 32, "315d857644efbc7b727ce541de20a93b"},
	{1040, 0xff, 33, "61935c0f13e94f71096d47a4d495f185"},
	{1424, 0x102030405060708, 34, "d9e3ea814a2062c32b51c2fa3f73fa8a"},
	{1472, 0xffffffff, 35, "108fb10b6759af9b6445ea4a3b247b81"},
	{2048, 0x100000000, 36, "9b36a4ed79018965bd423eaa604e0ded"},
	{8944, 0xffffffffffffdffe, 37, "0eb1037eba4a6fcc6b259b4d5c0c94ac"},
	{9000, 0x0, 38, "9a43fd71ccf5eefafa0b782cd4d9ddbe"},
};

static struct aead *backends[2];
static unsigned int n_backends;
static uint8_t texts[2][BURST_MAX][SLOT];
static uint8_t plain[BURST_MAX][TEXT_MAX];
static uint8_t keys[BURST_MAX][AEAD_KEY_LEN];
static uint64_t random_state;

static void
random_fill(uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		p[i] = test_random(&random_state);
}

static void
pattern(uint8_t *p, uint8_t seed, size_t n)
{
	for (size_t i = 0; i < n; i++)
		p[i] = seed + 7 * i;
}

static size_t
unhex(uint8_t *out, size_t max, const char *hex)
{
	size_t n;

	assert_int_equal(sodium_hex2bin(out, max, hex, strlen(hex), NULL, &n, NULL), 0);
	return n;
}

static int
setup(void **state)
{
	static const enum aead_backend all[] = {AEAD_IPSEC_MB, AEAD_LIBSODIUM};

	(void)state;
	random_state = 1;
	n_backends = 0;
	for (unsigned int i = 0; i < RTE_DIM(all); i++) {
		struct aead *a = aead_create(all[i]);

		if (a == NULL && errno == ENOTSUP && all[i] == AEAD_IPSEC_MB) {
			print_message("this CPU cannot run IPsec-MB\n");
			continue;
		}
		if (a == NULL)
			return -1;
		backends[n_backends++] = a;
	}
	return 0;
}

static int
teardown(void **state)
{
	(void)state;
	while (n_backends > 0)
		aead_destroy(backends[--n_backends]);
	return 0;
}

static void
rfc_vector_run(struct aead *a, const struct rfc_vector *v)
{
	uint8_t key[AEAD_KEY_LEN], aad[16], tag[AEAD_TAG_LEN], first[16], text[512];
	struct aead_common c = {.aad = aad};
	struct aead_job job = {
		.text = text, .key = key, .counter = v->counter, .len = strlen(v->text)};

	unhex(key, sizeof(key), v->key);
	unhex(c.prefix, sizeof(c.prefix), v->prefix);
	unhex(tag, sizeof(tag), v->tag);
	unhex(first, sizeof(first), v->first_block);
	c.aad_len = unhex(aad, sizeof(aad), v->aad);
	memcpy(text, v->text, job.len);

	aead_seal_common(a, &c, &job, 1);
	assert_memory_equal(text, first, sizeof(first));
	assert_memory_equal(text + job.len, tag, sizeof(tag));
	assert_int_equal(aead_open_common(a, &c, &job, 1), 1);
	assert_true(job.ok);
	assert_memory_equal(text, v->text, job.len);
}

static void
test_rfc_vectors(void **state)
{
	(void)state;
	for (unsigned int b = 0; b < n_backends; b++)
		for (unsigned int i = 0; i < RTE_DIM(rfc_vectors); i++)
			rfc_vector_run(backends[b], &rfc_vectors[i]);
}

static void
wg_vectors_run(struct aead *a)
{
	struct aead_job jobs[RTE_DIM(wg_vectors)];

	for (unsigned int i = 0; i < RTE_DIM(wg_vectors); i++) {
		const struct wg_vector *v = &wg_vectors[i];

		pattern(keys[i], v->seed, AEAD_KEY_LEN);
		pattern(plain[i], v->seed + 1, v->len);
		memcpy(texts[0][i], plain[i], v->len);
		jobs[i] = (struct aead_job){texts[0][i], keys[i], v->counter, v->len, false};
	}
	aead_seal_burst(a, jobs, RTE_DIM(wg_vectors));
	for (unsigned int i = 0; i < RTE_DIM(wg_vectors); i++) {
		uint8_t tag[AEAD_TAG_LEN];

		unhex(tag, sizeof(tag), wg_vectors[i].tag);
		assert_memory_equal(texts[0][i] + wg_vectors[i].len, tag, sizeof(tag));
	}
	assert_int_equal(aead_open_burst(a, jobs, RTE_DIM(wg_vectors)), RTE_DIM(wg_vectors));
	for (unsigned int i = 0; i < RTE_DIM(wg_vectors); i++)
		assert_memory_equal(texts[0][i], plain[i], wg_vectors[i].len);
}

static void
test_wireguard_vectors(void **state)
{
	(void)state;
	for (unsigned int b = 0; b < n_backends; b++)
		wg_vectors_run(backends[b]);
}

/* The same random burst for both sides: texts[0] and texts[1], under jobs[0] and jobs[1]. */
static void
random_jobs(struct aead_job jobs[2][BURST_MAX], unsigned int n)
{
	for (unsigned int i = 0; i < n; i++) {
		uint32_t len = test_random(&random_state) % (TEXT_MAX + 1);

		random_fill(keys[i], AEAD_KEY_LEN);
		random_fill(plain[i], len);
		memcpy(texts[0][i], plain[i], len);
		memcpy(texts[1][i], plain[i], len);
		jobs[0][i] = (struct aead_job){
			texts[0][i], keys[i], test_random(&random_state), len, false};
		jobs[1][i] = jobs[0][i];
		jobs[1][i].text = texts[1][i];
	}
}

static void
test_backends_agree(void **state)
{
	struct aead_job jobs[2][BURST_MAX];

	(void)state;
	if (n_backends < 2)
		skip();
	for (unsigned int round = 0; round < 40; round++) {
		unsigned int n = 1 + test_random(&random_state) % BURST_MAX;

		random_jobs(jobs, n);
		aead_seal_burst(backends[0], jobs[0], n);
		aead_seal_burst(backends[1], jobs[1], n);
		for (unsigned int i = 0; i < n; i++)
			assert_memory_equal(
				texts[0][i], texts[1][i], jobs[0][i].len + AEAD_TAG_LEN);
		assert_int_equal(aead_open_burst(backends[1], jobs[0], n), n);
		assert_int_equal(aead_open_burst(backends[0], jobs[1], n), n);
		for (unsigned int i = 0; i < n; i++) {
			assert_memory_equal(texts[0][i], plain[i], jobs[0][i].len);
			assert_memory_equal(texts[1][i], plain[i], jobs[1][i].len);
		}
	}
}

/* More jobs than IPsec-MB has slots (256), each with a counter of its own under one key. */
static void
test_long_burst(void **state)
{
	enum { N = 1000, LEN = 48 };
	static uint8_t long_texts[N][LEN + AEAD_TAG_LEN];
	static struct aead_job jobs[N];

	(void)state;
	for (unsigned int b = 0; b < n_backends; b++) {
		pattern(keys[0], 1, AEAD_KEY_LEN);
		for (unsigned int i = 0; i < N; i++) {
			pattern(long_texts[i], i, LEN);
			jobs[i] = (struct aead_job){long_texts[i], keys[0], i, LEN, false};
		}
		aead_seal_burst(backends[b], jobs, N);
		assert_int_equal(aead_open_burst(backends[b], jobs, N), N);
		for (unsigned int i = 0; i < N; i++) {
			pattern(plain[0], i, LEN);
			assert_memory_equal(long_texts[i], plain[0], LEN);
			assert_true(jobs[i].ok);
		}
	}
}

static void
test_empty_burst(void **state)
{
	(void)state;
	for (unsigned int b = 0; b < n_backends; b++) {
		aead_seal_burst(backends[b], NULL, 0);
		assert_int_equal(aead_open_burst(backends[b], NULL, 0), 0);
	}
}

/* Opens a copy of the sealed message in which one byte, of the message, key or counter, was
 * changed. */
static bool
opens_with_flip(struct aead *a, const struct aead_job *sealed, size_t at)
{
	uint8_t text[1424 + AEAD_TAG_LEN], key[AEAD_KEY_LEN];
	uint8_t bit = 1 << (at & 7);
	struct aead_job job = *sealed;
	unsigned int good;

	memcpy(text, sealed->text, sealed->len + AEAD_TAG_LEN);
	memcpy(key, sealed->key, AEAD_KEY_LEN);
	job.text = text;
	job.key = key;
	job.ok = true;
	if (at < sealed->len + AEAD_TAG_LEN)
		text[at] ^= bit;
	else if (at < sealed->len + AEAD_TAG_LEN + AEAD_KEY_LEN)
		key[at - sealed->len - AEAD_TAG_LEN] ^= bit;
	else
		job.counter ^= (uint64_t)bit
			<< 8 * (at - sealed->len - AEAD_TAG_LEN - AEAD_KEY_LEN);
	good = aead_open_burst(a, &job, 1);
	assert_int_equal(good, job.ok);
	return job.ok;
}

static void
test_every_byte_counts(void **state)
{
	static const uint32_t lens[] = {0, 1, 16, 112, 511, 1424};

	(void)state;
	for (unsigned int b = 0; b < n_backends; b++) {
		for (unsigned int i = 0; i < RTE_DIM(lens); i++) {
			struct aead_job job = {
				texts[0][0], keys[0], 0x1122334455667788, lens[i], false};
			size_t bytes = lens[i] + AEAD_TAG_LEN + AEAD_KEY_LEN + sizeof(job.counter);

			pattern(keys[0], 3, AEAD_KEY_LEN);
			pattern(texts[0][0], 5, lens[i]);
			aead_seal_burst(backends[b], &job, 1);
			for (size_t at = 0; at < bytes; at++)
				assert_false(opens_with_flip(backends[b], &job, at));
			assert_int_equal(aead_open_burst(backends[b], &job, 1), 1);
		}
	}
}

/* A length that is one byte short, or counts the tag's first byte in, is refused too. */
static void
test_wrong_length(void **state)
{
	(void)state;
	for (unsigned int b = 0; b < n_backends; b++) {
		for (int off = -1; off <= 1; off += 2) {
			struct aead_job job = {texts[0][0], keys[0], 7, 64, true};

			memset(texts[0][0], 0, SLOT);
			aead_seal_burst(backends[b], &job, 1);
			job.len += off;
			assert_int_equal(aead_open_burst(backends[b], &job, 1), 0);
			assert_false(job.ok);
		}
	}
}

/* 64 messages, every third one forged: 22 bad (0, 3, .., 63), 42 good. */
static void
test_mixed_burst(void **state)
{
	struct aead_job jobs[2][BURST_MAX];

	(void)state;
	for (unsigned int b = 0; b < n_backends; b++) {
		random_jobs(jobs, BURST_MAX);
		aead_seal_burst(backends[b], jobs[0], BURST_MAX);
		for (unsigned int i = 0; i < BURST_MAX; i++) {
			jobs[0][i].ok = i % 2;
			if (i % 3 == 0)
				jobs[0][i].text[jobs[0][i].len + i % AEAD_TAG_LEN] ^= 0x80;
		}
		assert_int_equal(aead_open_burst(backends[b], jobs[0], BURST_MAX), 42);
		for (unsigned int i = 0; i < BURST_MAX; i++) {
			assert_int_equal(jobs[0][i].ok, i % 3 != 0);
			if (jobs[0][i].ok)
				assert_memory_equal(texts[0][i], plain[i], jobs[0][i].len);
		}
	}
}

/* Room for a text and its tag with an unreadable page before and after. */
struct fence {
	uint8_t *map, *room;
	size_t room_len, map_len;
};

static void
fence_make(struct fence *f, size_t len)
{
	size_t page = 4096;

	f->room_len = RTE_ALIGN_CEIL(len, page);
	f->map_len = f->room_len + 2 * page;
	f->map = mmap(NULL, f->map_len, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	assert_ptr_not_equal(f->map, MAP_FAILED);
	f->room = f->map + page;
	assert_int_equal(mprotect(f->room, f->room_len, PROT_READ | PROT_WRITE), 0);
}

static void
fence_check(struct aead *a, const struct fence *f, uint8_t *text, const uint8_t *key, uint32_t len)
{
	struct aead_job job = {text, key, len, len, false};

	memset(f->room, 0xa5, f->room_len);
	pattern(text, 9, len);
	aead_seal_burst(a, &job, 1);
	assert_int_equal(aead_open_burst(a, &job, 1), 1);
	pattern(plain[0], 9, len);
	assert_memory_equal(text, plain[0], len);
	for (uint8_t *p = f->room; p < f->room + f->room_len; p++)
		if (p < text || p >= text + len + AEAD_TAG_LEN)
			assert_int_equal(*p, 0xa5);
}

static void
test_no_access_outside(void **state)
{
	struct fence text, key;
	uint8_t *last_key;

	(void)state;
	fence_make(&text, SLOT);
	fence_make(&key, AEAD_KEY_LEN);
	last_key = key.room + key.room_len - AEAD_KEY_LEN;
	pattern(key.room, 1, AEAD_KEY_LEN);
	pattern(last_key, 1, AEAD_KEY_LEN);
	for (unsigned int b = 0; b < n_backends; b++) {
		for (uint32_t len = 0; len <= TEXT_MAX; len += len < 1100 ? 1 : 79) {
			uint8_t *last = text.room + text.room_len - len - AEAD_TAG_LEN;

			fence_check(backends[b], &text, text.room, key.room, len);
			fence_check(backends[b], &text, last, last_key, len);
		}
	}
	munmap(text.map, text.map_len);
	munmap(key.map, key.map_len);
}

static void
test_choice(void **state)
{
	struct aead *a = aead_create(AEAD_AUTO);

	(void)state;
	assert_non_null(a);
	assert_string_equal(aead_name(a), n_backends == 2 ? "ipsec-mb" : "libsodium");
	assert_string_equal(aead_name(backends[n_backends - 1]), "libsodium");
	aead_destroy(a);
	aead_destroy(NULL);
	errno = 0;
	assert_null(aead_create((enum aead_backend)77));
	assert_int_equal(errno, EINVAL);
}

static void
test_parse(void **state)
{
	enum aead_backend b = AEAD_LIBSODIUM;

	(void)state;
	assert_int_equal(aead_backend_parse("auto", &b), 0);
	assert_int_equal(b, AEAD_AUTO);
	assert_int_equal(aead_backend_parse("ipsec-mb", &b), 0);
	assert_int_equal(b, AEAD_IPSEC_MB);
	assert_int_equal(aead_backend_parse("libsodium", &b), 0);
	assert_int_equal(b, AEAD_LIBSODIUM);
	b = AEAD_IPSEC_MB;
	assert_int_equal(aead_backend_parse("openssl", &b), -EINVAL);
	assert_int_equal(aead_backend_parse("", &b), -EINVAL);
	assert_int_equal(aead_backend_parse("libsodium ", &b), -EINVAL);
	assert_int_equal(b, AEAD_IPSEC_MB);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_choice),
		cmocka_unit_test(test_parse),
		cmocka_unit_test(test_rfc_vectors),
		cmocka_unit_test(test_wireguard_vectors),
		cmocka_unit_test(test_backends_agree),
		cmocka_unit_test(test_long_burst),
		cmocka_unit_test(test_empty_burst),
		cmocka_unit_test(test_every_byte_counts),
		cmocka_unit_test(test_wrong_length),
		cmocka_unit_test(test_mixed_burst),
		cmocka_unit_test(test_no_access_outside),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
