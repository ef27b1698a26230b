// The switches that mutate.py puts into its copies of the headers: each memory
// order becomes a call of Order, and each planted defect is behind a call of
// Planted. At most one switch is on at a time.

#ifndef HOLDFAST_TESTS_MODEL_MUTATION_H_
#define HOLDFAST_TESTS_MODEL_MUTATION_H_

#include <atomic>

namespace holdfast::model {

struct Mutation {
  // The number of the memory order that is replaced by `order`; -1: none.
  int site = -1;
  std::memory_order order = std::memory_order_relaxed;
  // The number of the defect that is switched on; -1: none.
  int defect = -1;
};
inline Mutation mutation;

inline std::memory_order Order(int site, std::memory_order order) {
  return site == mutation.site ? mutation.order : order;
}

inline bool Planted(int defect) { return defect == mutation.defect; }

}  // namespace holdfast::model

#endif  // HOLDFAST_TESTS_MODEL_MUTATION_H_
