// A boost::lockfree::stack of the free indexes of an array. It only allocates,
// and has no generations, so it cannot tell stale handles.

#ifndef HOLDFAST_BENCH_PEERS_BOOST_STACK_PEER_H_
#define HOLDFAST_BENCH_PEERS_BOOST_STACK_PEER_H_

#include <cstddef>
#include <cstdint>
#include <memory>

#include "bench/loops.h"
#include "boost/lockfree/stack.hpp"

namespace holdfast::bench {

template <typename V>
class BoostStackPeer {
 public:
  using Value = V;
  static constexpr char kName[] = "boost::lockfree::stack";
  static constexpr char kId[] = "boost_stack";
  static constexpr Features kFeatures = {/*read=*/false, /*write=*/false,
                                         /*for_each=*/false,
                                         /*unpin_all=*/false,
                                         /*concurrent_for_each=*/false};

  // A capacity that is passed to the constructor may be more than 65,534,
  // unlike that of fixed_sized<true> and capacity<>. Only the constructor
  // allocates nodes.
  explicit BoostStackPeer(size_t capacity)
      : values_(std::make_unique<V[]>(capacity)), free_(capacity) {
    for (size_t i = capacity; i > 0; --i) {
      free_.bounded_push(static_cast<uint32_t>(i - 1));
    }
  }

  uint64_t Pin(const V& value) {
    uint32_t index;
    if (!free_.pop(index)) return 0;
    values_[index] = value;
    return uint64_t{index} + 1;
  }

  // Requires that the handle is live: the stack would not notice if it is not.
  bool Unpin(uint64_t handle) {
    return free_.bounded_push(static_cast<uint32_t>(handle - 1));
  }

  struct ThreadScope {
    explicit ThreadScope(BoostStackPeer&) {}
  };

 private:
  std::unique_ptr<V[]> values_;
  boost::lockfree::stack<uint32_t> free_;
};

}  // namespace holdfast::bench

#endif  // HOLDFAST_BENCH_PEERS_BOOST_STACK_PEER_H_
