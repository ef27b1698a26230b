// What mutate.py puts into its copies of the headers: every memory order, and
// every defect, behind a switch. One is on, or none.

#ifndef HOLDFAST_TESTS_MODEL_MUTATION_H_
#define HOLDFAST_TESTS_MODEL_MUTATION_H_

#include <atomic>

namespace holdfast::model {

struct Mutation {
  int site = -1;  // Of the order that is replaced by `order`.
  std::memory_order order = std::memory_order_relaxed;
  int defect = -1;
};
inline Mutation mutation;

inline std::memory_order Order(int site, std::memory_order order) {
  return site == mutation.site ? mutation.order : order;
}

inline bool Planted(int defect) { return defect == mutation.defect; }

}  // namespace holdfast::model

#endif  // HOLDFAST_TESTS_MODEL_MUTATION_H_
