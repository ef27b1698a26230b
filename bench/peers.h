// The list of peers, which every workload goes through.

#ifndef HOLDFAST_BENCH_PEERS_H_
#define HOLDFAST_BENCH_PEERS_H_

#include "flat_map_peers.h"
#include "handle_table_peer.h"
#include "locked_peers.h"
#include "object_peers.h"
#include "peers/all_peers.h"
#include "subject.h"

namespace holdfast::bench {

// clang-format off
using BuiltInPeers = EntryList<
    AnySize<HandleTablePeer>,
    AnySize<MutexPeer>,
    AnySize<FlatMapPeer>,
    AnySize<ShardedFlatMapPeer>,
    AnySize<SharedMutexPeer>>;
// clang-format on

// clang-format off
using ObjectPeers = EntryList<
    EightBytes<ObjectTablePeer>,
    EightBytes<MutexSharedPtrPeer>,
    EightBytes<SharedMutexSharedPtrPeer>>;
// clang-format on

// All peers, including those of all_peers.h that are installed here.
using Peers = Concat<BuiltInPeers, OptionalPeers>;

}  // namespace holdfast::bench

#endif  // HOLDFAST_BENCH_PEERS_H_
