// Runs small multi-threaded scenarios under every schedule and every choice of
// value that the C++ memory model leaves to a load, or under random ones.
// README.md, in this folder, is an introduction.
//
// The model is RC11 without seq_cst and fences (O. Lahav et al., "Repairing
// sequential consistency in C/C++11", PLDI 2017). It is run as a view machine:
// each location (an atomic variable) keeps its modification order as a list of
// messages, one for each store. A thread's view names, for each location, the
// oldest message that the thread may still read; a load may return that one or
// any newer one. A release puts the thread's view into the message that it
// stores, and an acquire joins the view of the message that it reads to the
// thread's own. In detail:
//
//   * A store may go to any place in the modification order that lies after the
//     message in the thread's view, but never between an RMW (a
//     read-modify-write) and the message that this RMW has read.
//   * An RMW reads a message that no other RMW has read, and its own message
//     follows that one directly. The new message hands on the view of the one
//     that was read. This is the release sequence of C++20, which a later plain
//     store of the same thread does not continue.
//   * A CAS of two locations at once is an RMW of each. The modification orders
//     of the two agree on which of two such CASes came first, and what one half
//     acquires, the other half knows. A CAS of two that fails is a load of one
//     of the two, of any value but the expected one.
//   * A CAS (compare-exchange) that fails is a load of any value but the
//     expected one. A weak CAS may also fail on the expected value, without a
//     reason, a bounded number of times in an execution.
//   * Accesses to plain data are checked for data races by happens-before. So a
//     race is found even if the schedule keeps the two accesses far apart.
//   * Stores become visible in finite time: the number of times that a thread
//     reads the same old message of a location in a row is bounded (`rereads`).
//
// The model leaves out seq_cst, consume and fences. Operations with the first
// two orders are refused, and there is no function for a fence. It also leaves
// out load buffering: a load never sees a store that comes later in the
// execution. RC11 forbids cycles of program order and reads-from; C++ itself
// allows them, and only discourages values out of thin air.
//
// Threads are fibers of one real thread: each has its own stack, and only one
// runs at a time. At every atomic operation another thread may go on instead.
// `preemptions` bounds the number of switches away from a thread that could
// have gone on itself (M. Musuvathi and S. Qadeer, "Iterative context
// bounding", PLDI 2007).

#ifndef HOLDFAST_TESTS_MODEL_EXPLORER_H_
#define HOLDFAST_TESTS_MODEL_EXPLORER_H_

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "tests/model/choices.h"

namespace holdfast::model {

// Thread 0 sets a scenario up before the other threads start, and looks at the
// result after they have ended. No other thread runs meanwhile.
constexpr int kMaxThreads = 5;  // Thread 0 included.
constexpr int kMaxLocations = 59;
constexpr int kMaxMessages = 96;  // Stores to one location.

// What one execution may contain.
struct Bounds {
  // Switches away from a thread that could have gone on. -1: any number.
  int preemptions = 2;
  // Loads that do not read the newest message that they could read, and stores
  // that do not go to the end of the modification order. -1: any number.
  int stale = -1;
  // Weak CASes that fail without a reason.
  int spurious = 1;
  // Atomic operations of all threads together. An execution with more of them
  // fails, because it seems to have no end.
  int steps = 2000;
  // Loads of one old message by one thread in a row.
  int rereads = 2;
};

struct Search {
  Bounds bounds;
  uint64_t executions = 50'000'000;  // The search ends after this many.
  uint64_t seed = 0;                 // If not 0: random executions, not all.
  int stalled_thread = 0;            // If not 0: this thread stops for good ...
  int stalled_after = 0;             // ... after so many atomic operations.
};

struct Result {
  uint64_t executions = 0;
  bool complete = false;  // Every execution within the bounds has run.
  int threads = 0;        // Of the scenario, without thread 0.
  // For each thread, the most atomic operations that it had in an execution.
  std::array<int, kMaxThreads> steps = {};
  std::string failure;  // Why an execution failed; empty if none did.
  std::string trace;    // That execution, one atomic operation a line.
};

// What the threads of one execution do. Thread 0 makes a new one for each
// execution.
class Scenario {
 public:
  virtual ~Scenario() = default;
  virtual int threads() const = 0;
  // Called in each thread, with its number: 1 to threads().
  virtual void Run(int thread) = 0;
  // Called by thread 0 after all threads have ended, unless the search stalls
  // a thread.
  virtual void Done() {}
};

class Explorer {
 public:
  using Order = std::memory_order;
  using Make = std::function<std::unique_ptr<Scenario>()>;
  template <typename U>
  using Two = std::array<U, 2>;

  static Explorer& Get();

  // Executes the scenarios that `make` returns, until one fails or the search
  // is over. An execution that fails is repeated to record its trace.
  Result Run(const Make& make, const Search& search);

  // --- For scenarios, and for the classes that they use ----------------------

  // Says that the execution has failed, and ends it at once. Any thread may
  // call it.
  [[noreturn]] void Fail(const std::string& why);

  // Lets the current thread wait until another thread has stored something, or
  // until no other thread can run.
  void Yield();

  // Makes a choice that is the scenario's own: a number from 0 to `count` - 1.
  // The search tries all of them.
  int Choose(int count) { return choices_.Pick(count); }

  // The number of the running thread. 0 during set-up and Done().
  int current() const { return current_; }

  // The number of this execution. Objects that outlive an execution tell by it
  // that what they have recorded belongs to an earlier one.
  uint32_t execution() const { return execution_; }

  // The clock of `thread` up to which all that it did happens before this
  // point of the current thread. For the current thread itself, its clock. A
  // thread's clock starts at 1 and advances with each release.
  uint16_t Known(int thread) const;

  // Calls call(), but leaves that call for good before its operation number
  // `after`, as a signal handler does that jumps out of a call. Operations are
  // counted from 0, accesses to Plain variables included. Returns false if
  // there were no more than `after` operations, so that call() has returned.
  bool LeaveHalfway(int after, const std::function<void()>& call);

  // Whether an execution that failed is being repeated to record its trace.
  bool tracing() const { return tracing_; }
  // Says how the trace calls the object of `bytes` bytes at `address`. Does
  // nothing unless tracing().
  void Name(const void* address, const std::string& name, size_t bytes = 1);

  // --- Operations of Atomic and Plain ----------------------------------------

  uint32_t NewLocation(const void* address, uint64_t value);
  uint64_t Load(uint32_t location, Order order);
  void Store(uint32_t location, uint64_t value, Order order);
  bool CompareExchange(uint32_t location, uint64_t* expected, uint64_t value,
                       Order success, Order failure, bool weak);
  template <typename F>
  uint64_t ReadModifyWrite(uint32_t location, F change, Order order);
  // A CAS of two locations in one step. If it fails, the caller learns nothing.
  bool CompareExchangeBoth(Two<uint32_t> locations, Two<uint64_t> expected,
                           Two<uint64_t> desired, Order order);

  // The last accesses to a Plain variable.
  struct Accesses {
    uint32_t execution = 0;  // The number of the execution that had them.
    uint8_t writer = 0;      // The thread that wrote last.
    uint16_t written = 0;    // That thread's clock when it wrote.
    // For each thread, its clock when it read last.
    std::array<uint16_t, kMaxThreads> read = {};
  };
  void PlainRead(Accesses* accesses, const void* address);
  void PlainWrite(Accesses* accesses, const void* address);

 private:
  // What a thread knows. For each thread: the clock up to which the actions of
  // that thread happen before this point. Then for each location: the place, in
  // the modification order, of the oldest message that may still be read.
  struct View {
    std::array<uint16_t, kMaxThreads + kMaxLocations> at = {};
    void Join(const View& other) {
      for (size_t i = 0; i < at.size(); ++i) {
        at[i] = at[i] < other.at[i] ? other.at[i] : at[i];
      }
    }
  };
  struct Message {
    uint64_t value;
    View view;
    bool follows;  // Stored by an RMW, so it stays directly behind its source.
    bool is_half;  // Stored by a CAS of two locations, as one of two messages.
    int writer;
    int number;  // The operation's number in the trace.
  };
  struct Location {
    const void* address;
    std::vector<Message> messages;  // The modification order.
  };
  struct Fiber;

  Explorer();
  ~Explorer();

  void Execute(const Make& make);
  void RunScenario();
  void Start(int thread);
  static void Enter();
  [[noreturn]] void Leave();
  // The start of every atomic operation: another thread may go on first.
  void Begin(Order order);
  // The start of every operation, plain ones included: see LeaveHalfway.
  void MaybeLeave();
  void SwitchTo(int thread);
  int PickThread();
  bool MayRun(int thread) const;

  uint16_t& Seen(uint32_t location) {
    return view().at[kMaxThreads + location];
  }
  View& view();
  // Chooses one of the messages that the thread may read and for which ok() is
  // true, and returns its place. Tries the newest one first.
  template <typename F>
  int PickMessage(uint32_t location, F ok);
  bool IsNews(uint32_t location, int at) const;
  // Whether the execution has reached its bound of old values (Bounds::stale).
  bool OnlyNewest() const {
    return search_.bounds.stale >= 0 && stale_ >= search_.bounds.stale;
  }
  void See(uint32_t location, int at, Order order);
  void Insert(uint32_t location, int at, uint64_t value, Order order,
              bool follows);
  int PickPlace(uint32_t location);
  bool IsUnread(uint32_t location, int at) const;
  bool AreOfOneTime(const Two<uint32_t>& locations,
                    const Two<int>& places) const;
  bool KnowNothingNewer(const Two<uint32_t>& locations,
                        const Two<int>& places) const;
  bool IsReadable(uint32_t location, int at, int newest) const {
    return at == newest || (!OnlyNewest() && IsNews(location, at));
  }
  uint64_t Change(uint32_t location, int at, uint64_t value, Order order);
  void Note(const char* operation, uint32_t location, const std::string& how);
  void NoteRead(const char* operation, uint32_t location, Order order, int at,
                const std::string& more = "");
  Accesses& Refresh(Accesses* accesses) const;
  std::string NameOf(const void* address) const;

  Search search_;
  Choices choices_;
  std::vector<Location> locations_;
  uint32_t used_locations_ = 0;
  std::array<std::unique_ptr<Fiber>, kMaxThreads> fibers_;
  struct Named {
    std::string name;
    size_t bytes;
  };
  std::map<const char*, Named> names_;
  std::unique_ptr<Fiber> outside_;  // The context of the caller of Run.
  const Make* make_ = nullptr;
  std::unique_ptr<Scenario> scenario_;
  uint32_t execution_ = 0;
  int current_ = 0;
  int threads_ = 0;
  int preempted_ = 0;
  int stale_ = 0;
  int spurious_ = 0;
  int operations_ = 0;
  int stores_ = 0;
  std::array<int, kMaxThreads> steps_ = {};
  bool tracing_ = false;
  std::string failure_;
  std::string trace_;
};

// Stands for std::atomic. It registers a location with the explorer at its
// first use in each execution. Zeroed memory is a valid object, of value 0.
// Operations without a memory order do not compile.
template <typename U>
class Atomic {
  using Order = std::memory_order;

 public:
  constexpr Atomic() = default;
  constexpr Atomic(U initial) : initial_(initial) {}  // NOLINT: as std::atomic.
  Atomic(const Atomic&) = delete;
  Atomic& operator=(const Atomic&) = delete;

  U load(Order order) const {
    return static_cast<U>(explorer().Load(location(), order));
  }
  void store(U value, Order order) {
    explorer().Store(location(), value, order);
  }
  U exchange(U value, Order order) {
    return Modify([value](U) { return value; }, order);
  }
  U fetch_add(U value, Order order) {
    return Modify([value](U old) { return old + value; }, order);
  }
  U fetch_or(U value, Order order) {
    return Modify([value](U old) { return old | value; }, order);
  }
  U fetch_and(U value, Order order) {
    return Modify([value](U old) { return old & value; }, order);
  }
  bool compare_exchange_weak(U& expected, U value, Order success,
                             Order failure) {
    return Exchange(expected, value, success, failure, true);
  }
  bool compare_exchange_strong(U& expected, U value, Order success,
                               Order failure) {
    return Exchange(expected, value, success, failure, false);
  }

 private:
  friend struct PairAtomics;

  static Explorer& explorer() { return Explorer::Get(); }

  uint32_t location() const {
    if (execution_ != explorer().execution()) {
      execution_ = explorer().execution();
      location_ = explorer().NewLocation(this, initial_);
    }
    return location_;
  }
  template <typename F>
  U Modify(F change, Order order) {
    return static_cast<U>(explorer().ReadModifyWrite(
        location(),
        [change](uint64_t old) {
          return static_cast<uint64_t>(change(static_cast<U>(old)));
        },
        order));
  }
  bool Exchange(U& expected, U value, Order success, Order failure, bool weak) {
    uint64_t found = expected;
    const bool done = explorer().CompareExchange(location(), &found, value,
                                                 success, failure, weak);
    expected = static_cast<U>(found);
    return done;
  }

  mutable uint32_t execution_ = 0;
  mutable uint32_t location_ = 0;
  U initial_ = 0;
};

// A plain variable whose every access is checked for data races. Zeroed memory
// is a valid object, of value 0.
template <typename U>
class Plain {
 public:
  constexpr Plain() = default;
  constexpr Plain(U value) : value_(value) {}  // NOLINT: as a plain variable.
  Plain(const Plain&) = delete;
  Plain& operator=(const Plain& other) { return *this = U{other}; }
  Plain& operator=(U value) {
    Explorer::Get().PlainWrite(&accesses_, this);
    value_ = value;
    return *this;
  }
  operator U() const {  // NOLINT: as a plain variable.
    Explorer::Get().PlainRead(&accesses_, this);
    return value_;
  }

 private:
  mutable Explorer::Accesses accesses_;
  U value_{};
};

// The Traits::Atomics of a table that runs in the explorer, on a processor
// without a CAS of two words.
struct Atomics {
  template <typename U>
  using Atomic = model::Atomic<U>;
  template <typename U>
  using Plain = model::Plain<U>;

  static constexpr bool kHasPairs = false;
};

// The same, on a processor that has one.
struct PairAtomics : Atomics {
  static constexpr bool kHasPairs = true;
  template <typename U, typename TwoWords>
  static bool CompareExchangePair(Atomic<U>& first, Atomic<U>& second,
                                  const TwoWords& expected,
                                  const TwoWords& desired,
                                  std::memory_order order) {
    return Explorer::Get().CompareExchangeBoth(
        {first.location(), second.location()},
        {expected.first, expected.second}, {desired.first, desired.second},
        order);
  }
};

template <typename F>
uint64_t Explorer::ReadModifyWrite(uint32_t location, F change, Order order) {
  Begin(order);
  const int at =
      PickMessage(location, [&](int i) { return IsUnread(location, i); });
  const uint64_t old = locations_[location].messages[at].value;
  return Change(location, at, change(old), order);
}

template <typename F>
int Explorer::PickMessage(uint32_t location, F ok) {
  const int newest = static_cast<int>(locations_[location].messages.size()) - 1;
  const int oldest = Seen(location);
  if (newest == oldest) return newest;
  int candidates[kMaxMessages];
  int count = 0;
  for (int i = newest; i >= oldest; --i) {
    if (ok(i) && IsReadable(location, i, newest)) candidates[count++] = i;
  }
  const int at = candidates[choices_.Pick(count)];
  if (at != candidates[0]) ++stale_;
  return at;
}

}  // namespace holdfast::model

#endif  // HOLDFAST_TESTS_MODEL_EXPLORER_H_
