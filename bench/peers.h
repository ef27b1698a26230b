// The list of peers, which every workload goes through.

#ifndef HOLDFAST_BENCH_PEERS_H_
#define HOLDFAST_BENCH_PEERS_H_

#include <string>

#include "flat_map_peers.h"
#include "handle_table_peer.h"
#include "locked_peers.h"
#include "subject.h"

namespace holdfast::bench {

// A list of types.
template <typename... Entries>
struct EntryList {};

// Every peer. One that needs what a machine may lack has a line between the
// first and the last, under its own #if.
// clang-format off
using Peers = EntryList<
    AnySize<HandleTablePeer>,
    AnySize<MutexPeer>,
    AnySize<FlatMapPeer>,
    AnySize<ShardedFlatMapPeer>,
    AnySize<SharedMutexPeer>>;
// clang-format on

// Which peers this build had to leave out, and why: "liburcu: header not found;
// ...".
inline std::string SkippedPeers() { return ""; }

}  // namespace holdfast::bench

#endif  // HOLDFAST_BENCH_PEERS_H_
