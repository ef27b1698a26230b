// A variable that one thread at a time owns. The owner alone stores to it;
// other threads may look at it: to count, and to find a shard that is worth
// claiming.

#ifndef HOLDFAST_INTERNAL_OWNED_H_
#define HOLDFAST_INTERNAL_OWNED_H_

#include <atomic>

namespace holdfast::internal {

// `Variable` is an atomic variable of type U.
template <typename U, typename Variable>
class Owned {
 public:
  U Get() const noexcept {
    // order: relaxed. The owner reads what it has stored itself, or what the
    // bequeath edge has brought. Others read nothing through it. [INV-6]
    return value_.load(std::memory_order_relaxed);
  }

  void Set(U value) noexcept {
    // order: relaxed. Only the owner stores, and the bequeath edge brings the
    // value to the next owner. [INV-6]
    value_.store(value, std::memory_order_relaxed);
  }

  // As Set, and after all that the owner has stored before: if the owner leaves
  // its call here, the next owner finds either everything or nothing.
  void SetLast(U value) noexcept {
    // order: release -> bequeath. Between threads, the claim of the ordinal
    // orders this; here it keeps the compiler from moving the stores. [INV-9]
    value_.store(value, std::memory_order_release);
  }

 private:
  Variable value_;
};

}  // namespace holdfast::internal

#endif  // HOLDFAST_INTERNAL_OWNED_H_
