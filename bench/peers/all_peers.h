// The peers that a machine may lack: those that this build has, and what is
// said of the others.
//
// Of concurrencykit, ck_ht would be the one that fits, and is not here: a key
// that is removed leaves a mark behind which only a copy of the whole table
// clears, so that insertions of keys that are never used again soon look at
// every slot (4 us each among 1,000 values); ck_hs does the same, and what
// ck_rhs points to needs a reclamation scheme that it does not come with.

#ifndef HOLDFAST_BENCH_PEERS_ALL_PEERS_H_
#define HOLDFAST_BENCH_PEERS_ALL_PEERS_H_

#include <string>

#include "absl/base/config.h"
#include "bench/peers/entry_list.h"
#include "bench/subject.h"
#include "found_peers.h"

// Sanitizers would report what they cannot see: the synchronization inside of
// libraries that were not compiled for them.
#if defined(ABSL_HAVE_ADDRESS_SANITIZER) || \
    defined(ABSL_HAVE_MEMORY_SANITIZER) || defined(ABSL_HAVE_THREAD_SANITIZER)
#include "bench/peers/no_peers.h"
#endif

#if HOLDFAST_HAVE_BOOST
#include "bench/peers/boost_stack_peer.h"
#endif
#if HOLDFAST_HAVE_RUST
#include "bench/peers/rust_peers.h"
#endif
#if HOLDFAST_HAVE_TBB
#include "bench/peers/tbb_peer.h"
#endif
#if HOLDFAST_HAVE_URCU
#include "bench/peers/urcu_peer.h"
#endif

namespace holdfast::bench {

#if HOLDFAST_HAVE_BOOST
using BoostPeers = EntryList<AnySize<BoostStackPeer>>;
#else
using BoostPeers = EntryList<>;
#endif

#if HOLDFAST_HAVE_RUST
using RustPeers =
    EntryList<EightBytes<ShardedSlabPeer>, EightBytes<RustSlotmapPeer>>;
#else
using RustPeers = EntryList<>;
#endif

#if HOLDFAST_HAVE_TBB
using TbbPeers = EntryList<AnySize<TbbPeer>>;
#else
using TbbPeers = EntryList<>;
#endif

#if HOLDFAST_HAVE_URCU
using UrcuPeers = EntryList<AnySize<UrcuPeer>>;
#else
using UrcuPeers = EntryList<>;
#endif

using OptionalPeers =
    Concat<Concat<TbbPeers, UrcuPeers>, Concat<RustPeers, BoostPeers>>;

// Which peers this build had to leave out, and why: "tbb: libtbb-dev is not
// installed; ...".
inline std::string SkippedPeers() {
  std::string skipped;
  const auto add = [&skipped](bool have, const char* id, const char* why) {
    if (have) return;
    if (!skipped.empty()) skipped += "; ";
    skipped += std::string(id) + ": " + why;
  };
  add(HOLDFAST_HAVE_TBB, "tbb", HOLDFAST_TBB_WHY);
  add(HOLDFAST_HAVE_URCU, "urcu", HOLDFAST_URCU_WHY);
  add(HOLDFAST_HAVE_RUST, "sharded_slab, rust_slotmap", HOLDFAST_RUST_WHY);
  add(HOLDFAST_HAVE_BOOST, "boost_stack", HOLDFAST_BOOST_WHY);
  return skipped;
}

}  // namespace holdfast::bench

#endif  // HOLDFAST_BENCH_PEERS_ALL_PEERS_H_
