// The outcomes of a small program by the axioms of RC11, without running it:
// the yardstick of the explorer, which shares nothing with it.
//
// Tries every function rf from reads to writes and every modification order mo,
// and keeps those where
//
//   * program order and rf have no cycle;
//   * an RMW follows in mo what it has read;
//   * mo, rf and happens-before agree (coherence).
//
// O. Lahav et al., "Repairing sequential consistency in C/C++11", PLDI 2017,
// without seq_cst and fences; release sequences as in C++20.

#ifndef HOLDFAST_TESTS_MODEL_AXIOMS_H_
#define HOLDFAST_TESTS_MODEL_AXIOMS_H_

#include <atomic>
#include <set>
#include <string>
#include <vector>

namespace holdfast::model {

enum class Kind {
  kLoad,
  kStore,
  kAdd,
  kStrongCas,
  kWeakCas,
  kPlainRead,  // Of the one plain variable.
  kPlainWrite,
};

struct Operation {
  Kind kind = Kind::kStore;
  int location = 0;  // 0 or 1.
  int operand = 0;   // What is stored, added or expected.
  int desired = 0;
  std::memory_order order = std::memory_order_relaxed;
  std::memory_order failure = std::memory_order_relaxed;
};

using Program = std::vector<std::vector<Operation>>;  // One list a thread.

constexpr int kLocations = 2;  // Both start with 0.

// What one execution shows, as text: what each operation returned, and the last
// values.
std::string ResultOf(const Operation& operation, bool succeeded, int read);

struct Outcomes {
  std::set<std::string> all;
  bool race = false;  // Of the plain variable, in some execution.
};

Outcomes OutcomesByAxioms(const Program& program);

}  // namespace holdfast::model

#endif  // HOLDFAST_TESTS_MODEL_AXIOMS_H_
