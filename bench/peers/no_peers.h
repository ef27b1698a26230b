// Replaces the definitions of found_peers.h: there are no optional peers.

#ifndef HOLDFAST_BENCH_PEERS_NO_PEERS_H_
#define HOLDFAST_BENCH_PEERS_NO_PEERS_H_

#include "found_peers.h"

#undef HOLDFAST_HAVE_BOOST
#undef HOLDFAST_BOOST_WHY
#define HOLDFAST_HAVE_BOOST 0
#define HOLDFAST_BOOST_WHY "not compiled for sanitizers"
#undef HOLDFAST_HAVE_RUST
#undef HOLDFAST_RUST_WHY
#define HOLDFAST_HAVE_RUST 0
#define HOLDFAST_RUST_WHY "not compiled for sanitizers"
#undef HOLDFAST_HAVE_TBB
#undef HOLDFAST_TBB_WHY
#define HOLDFAST_HAVE_TBB 0
#define HOLDFAST_TBB_WHY "not compiled for sanitizers"
#undef HOLDFAST_HAVE_URCU
#undef HOLDFAST_URCU_WHY
#define HOLDFAST_HAVE_URCU 0
#define HOLDFAST_URCU_WHY "not compiled for sanitizers"

#endif  // HOLDFAST_BENCH_PEERS_NO_PEERS_H_
