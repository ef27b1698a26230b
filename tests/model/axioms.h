// The outcomes that a small program may have by the axioms of RC11, found
// without running the program. The explorer is compared with them, and the two
// share no code.
//
// Every function rf from reads to the writes that they read from, and every
// modification order mo, is tried. A pair of them is an execution of the
// program if
//
//   * program order and rf have no cycle;
//   * in mo, an RMW (a read-modify-write) directly follows the write that it
//     has read from;
//   * mo, rf and happens-before agree (coherence).
//
// A CAS of both locations that succeeds is an RMW of each, and the two are one
// event to happens-before, to the first of the axioms, and to other such CASes:
// of two, one comes first in the mo of both locations. If it fails, it is a
// relaxed load of one location, of any value but the expected one.
//
// RC11 is that of O. Lahav et al., "Repairing sequential consistency in
// C/C++11", PLDI 2017, without seq_cst and fences, and with the release
// sequences of C++20.

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
  kCasOfBoth,  // Never fails spuriously.
  // Accesses to the program's one plain variable.
  kPlainRead,
  kPlainWrite,
};

struct Operation {
  Kind kind = Kind::kStore;
  int location = 0;  // 0 or 1. A CAS of both has both.
  int operand = 0;   // The value that is stored, added or expected.
  int desired = 0;   // The value that a CAS stores.
  std::memory_order order = std::memory_order_relaxed;
  std::memory_order failure = std::memory_order_relaxed;
  // Of a CAS of both locations: the values for location 1.
  int operand_of_1 = 0;
  int desired_of_1 = 0;
};

using Program = std::vector<std::vector<Operation>>;  // One list a thread.

constexpr int kLocations = 2;  // Both hold 0 at the start.

// Returns as text what an operation has returned: the value that it has read,
// if any, and whether it succeeded, if it is a CAS (of both locations: only
// that). The outcome of an execution
// is made of these texts and the last value of each location.
std::string ResultOf(const Operation& operation, bool succeeded, int read);

struct Outcomes {
  std::set<std::string> all;
  // Whether the plain variable has a data race in some execution.
  bool race = false;
};

Outcomes OutcomesByAxioms(const Program& program);

}  // namespace holdfast::model

#endif  // HOLDFAST_TESTS_MODEL_AXIOMS_H_
