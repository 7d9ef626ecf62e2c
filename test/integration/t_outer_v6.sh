#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# The same ways with IPv6 outside.
# shellcheck source=test/integration/lib.sh
source "$(dirname "$0")/lib.sh"

make_network
add_peer 1
add_peer 2 'Endpoint = [2001:db8::12]:51820'
start_gateway
start_site 1 "Endpoint = $TG_GW6"
start_site 2
listen lan 5201

every_path
step 'TCP site to LAN' iperf site1 10.10.0.2 5201 -t 2
step 'TCP LAN to site, IPv6' iperf site1 fd10::2 5201 -t 2 -R
step 'endpoint of site 1' endpoint_is 1 '[2001:db8::11]:51820'
step 'endpoint of site 2' endpoint_is 2 '[2001:db8::12]:51820'
step 'the gateway ends tidily' stop_gateway
