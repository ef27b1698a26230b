// What mutate.py puts into its copies of the headers: every defect, and for the
// model every memory order, behind a switch. One is on, or none.

#ifndef HOLDFAST_TESTS_MUTANTS_MUTATION_H_
#define HOLDFAST_TESTS_MUTANTS_MUTATION_H_

#include <atomic>
#include <cstdint>

namespace holdfast::mutants {

// Set while no other thread runs.
struct Mutation {
  int site = -1;  // Of the order that is replaced by `order`.
  std::memory_order order = std::memory_order_relaxed;
  int defect = -1;
};
inline Mutation mutation;

inline std::memory_order Order(int site, std::memory_order order) {
  return site == mutation.site ? mutation.order : order;
}

// Whether that defect is on and shows now: one time in `every` in each thread,
// so that it need not be the first call that shows it.
inline bool Planted(int defect, uint32_t every) {
  thread_local uint32_t calls = 0;
  return defect == mutation.defect && ++calls % every == 0;
}

}  // namespace holdfast::mutants

#endif  // HOLDFAST_TESTS_MUTANTS_MUTATION_H_
