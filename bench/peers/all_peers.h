// The optional peers, which a machine may lack: those that this build has, and
// why the others are left out.
//
// concurrencykit is not among them. Its ck_ht would fit, but a removed key
// leaves a mark, which only a copy of the whole table clears. If keys are never
// used again, insertions soon look at every slot (4 us each with 1,000 values).
// ck_hs does the same. ck_rhs needs a scheme for freeing objects, which does
// not come with it.

#ifndef HOLDFAST_BENCH_PEERS_ALL_PEERS_H_
#define HOLDFAST_BENCH_PEERS_ALL_PEERS_H_

#include <string>

#include "absl/base/config.h"
#include "bench/peers/entry_list.h"
#include "bench/subject.h"
#include "found_peers.h"

// Sanitizers do not see the synchronization inside libraries that were not
// compiled for them, and would report false races.
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

// Returns which peers this build leaves out, and why: "tbb: libtbb-dev is not
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
