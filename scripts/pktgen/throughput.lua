-- SPDX-License-Identifier: BSD-3-Clause
-- Throughput as RFC 2544 section 26.1 asks for it: the highest rate at which no packet is lost, by
-- halving, for each frame size. In Pktgen-DPDK, after flows.pkt:
--   -f scripts/pktgen/flows.pkt -f scripts/pktgen/throughput.lua
--
-- Port 0 sends, port 1 receives what has gone through both gateways. A queue that drops early loses
-- packets before the gateway is out of cycles only when it is congested: shape off (--shape 0=off,
-- --shape 1=off). LOSS is for a lab that is not clean enough for none at all.
local SEND, RECEIVE = 0, 1
local SIZES = { 64, 128, 512, 1024, 1420 }
local SECONDS = 60 -- of a trial; 10 will do to find one's way
local WARM_UP, SETTLE = 2000, 2000 -- ms
local LOSS = 0 -- parts of a million
local RESOLUTION = 0.5 -- percent of the line rate

local function printf(...)
	io.write(string.format(...))
	io.flush()
end

local function uptime()
	local file = io.open("/proc/uptime")
	local seconds = file:read("n")
	file:close()
	return seconds
end

local function trial(rate)
	pktgen.set(tostring(SEND), "rate", rate)
	pktgen.start(tostring(SEND))
	pktgen.delay(WARM_UP)
	pktgen.stop(tostring(SEND))
	pktgen.delay(SETTLE)
	pktgen.clear("all")
	local begin = uptime()
	pktgen.start(tostring(SEND))
	pktgen.delay(SECONDS * 1000)
	pktgen.stop(tostring(SEND))
	local seconds = uptime() - begin -- more: Pktgen's delay is made of short sleeps
	pktgen.delay(SETTLE)
	local sent = pktgen.portStats(tostring(SEND), "port")[SEND].opackets
	local got = pktgen.portStats(tostring(RECEIVE), "port")[RECEIVE].ipackets
	assert(sent > 0, "Pktgen has sent nothing: is its port's link up?")
	return sent, sent - got, sent / seconds
end

local function search(size)
	local low, high, best, rate = 0, 100, 0, 100
	pktgen.set(tostring(SEND), "size", size) -- what a rate is a percentage of
	pktgen.range.pkt_size(tostring(SEND), "start", size)
	pktgen.range.pkt_size(tostring(SEND), "min", size)
	pktgen.range.pkt_size(tostring(SEND), "max", size)
	while high - low > RESOLUTION do
		local sent, lost, pps = trial(rate)
		printf("%d bytes, %.2f %%: %d sent (%.4f Mpps), %d lost\n", size, rate, sent, pps / 1000000, lost)
		if lost * 1000000 <= LOSS * sent then
			low, best = rate, pps
		else
			high = rate
		end
		rate = (low + high) / 2
	end
	printf("%d bytes: %.4f Mpps, at a rate of %.2f %%\n", size, best / 1000000, low)
end

for _, size in ipairs(SIZES) do
	search(size)
end
