// Free slots that are linked to each other as a perfect binary tree: what a
// batch consists of, but for the slot that leads it. (The slots of a kind that
// has one link make a chain.)
//
// A batch is a tree so that a thread that takes it fetches its cache lines
// level by level, not one after another.

#ifndef HOLDFAST_INTERNAL_SLOT_TREES_H_
#define HOLDFAST_INTERNAL_SLOT_TREES_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "absl/base/attributes.h"
#include "holdfast/internal/cache_shape.h"
#include "holdfast/internal/owned.h"
#include "holdfast/internal/slot_names.h"

namespace holdfast::internal {

// Links `slots` as a heap: slot i leads to slots kLinks * i + 1 and on. Returns
// the root, or none if count is 0. `Links` is that of a kind of slots, see
// slot_kind.h; `PlainSlot` is FreeSlot, or a Plain of it.
template <typename Links, typename PlainSlot>
auto LinkAsTree(Links links, const PlainSlot* slots, uint32_t count) noexcept {
  using Free = decltype(links.FreeSlotAt(0));
  using Link = decltype(Free().link());
  const auto entry = [&](size_t i) {
    return i < count ? Free(slots[i]).link() : Link();
  };
  const auto link = [&](size_t i) {
    const size_t first = Links::kLinks * i + 1;
    const Link second = Links::kLinks == 2 ? entry(first + 1) : Link();
    links.SetLinks(slots[i], {entry(first), second});
  };
  // Not unrolled: that is faster where all is in the cache, but once in 32
  // unpins the code comes from farther away than the data.
  for (size_t i = 0; i < count; ++i) link(i);
  return entry(0);
}

// What is left of the tree of a batch that came from the free list. Its slots
// may have been another thread's: so they leave a few at a time, and those that
// leave next are on their way to the cache.
template <typename Traits>
class TakenTree {
  using Link = SlotLink<Traits::kGenerationBits>;
  using Pair = LinkPair<Traits::kGenerationBits>;

 public:
  // How many slots are left.
  uint32_t Count() const noexcept { return left_.Get(); }

  // Requires that nothing is left of the tree before.
  void Start(Link root, uint32_t slots) noexcept {
    links_[0] = root;
    left_.SetLast(slots);
  }

  // These copy some slots of the tree, or all of them, to into[0] and on, and
  // return how many. The slots stay in the tree: see Leave. `tree` is the
  // number that the tree started with. Requires that some slots are left.

  template <typename Links, typename Into>
  uint32_t CopySome(Links links, Into* into, uint32_t tree) noexcept {
    const uint32_t begin = tree - left_.Get();
    // The links of a level are known when the level above leaves. Two levels
    // leave at a time. (Each slot of a chain is a level.)
    const uint32_t end =
        std::min(tree, Links::kLinks == 2 ? 4 * begin + 3 : begin + kChainStep);
    Copy<true>(links, into, begin, end, tree);
    return end - begin;
  }

  template <typename Links, typename Into>
  uint32_t CopyAll(Links links, Into* into, uint32_t tree) noexcept {
    const uint32_t begin = tree - left_.Get();
    Copy<false>(links, into, begin, tree, tree);
    return tree - begin;
  }

  // Slot i of the tree, counted by levels. Requires that it is known: the root
  // is, and so are the slots below those that have left.
  Link At(uint32_t i) const noexcept { return links_[i]; }

  // Takes the first `count` slots out.
  void Leave(uint32_t count) noexcept { left_.SetLast(left_.Get() - count); }

 private:
  static constexpr uint32_t kMost =
      std::max(CacheShape(Traits::kMaxThreadCacheSlots).tree(), 1U);
  static constexpr uint32_t kChainStep = 8;

  // Copies entries [begin, end) of the heap, which are known. The entries
  // below them become known.
  template <bool kPrefetch, typename Links, typename Into>
  ABSL_ATTRIBUTE_ALWAYS_INLINE void Copy(Links links, Into* into,
                                         uint32_t begin, uint32_t end,
                                         uint32_t tree) noexcept {
    const uint32_t inner = Links::kLinks == 1 ? tree - 1 : tree / 2;
    uint32_t i = begin;
    for (; i < std::min(inner, end); ++i) {
      const Link link = links_[i];
      const Pair below = links.LinksOf(link);
      const uint32_t first = Links::kLinks * i + 1;
      links_[first] = below.first;
      if constexpr (kPrefetch) links.Prefetch(below.first);
      if constexpr (Links::kLinks == 2) {
        links_[first + 1] = below.second;
        if constexpr (kPrefetch) links.Prefetch(below.second);
      }
      *into++ = links.FreeSlotOf(link);
    }
    for (; i < end; ++i) *into++ = links.FreeSlotOf(links_[i]);
  }

  Owned<uint32_t, typename Traits::Atomics::template Atomic<uint32_t>> left_;
  // The slots of the tree as a heap, as far as they are known.
  typename Traits::Atomics::template Plain<Link> links_[kMost];
};

}  // namespace holdfast::internal

#endif  // HOLDFAST_INTERNAL_SLOT_TREES_H_
