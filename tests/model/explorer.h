// Runs small multi-threaded scenarios under every schedule and every choice of
// value that the C++ memory model leaves to a load, or under random ones.
//
// The model is RC11 without seq_cst and fences (O. Lahav et al., "Repairing
// sequential consistency in C/C++11", PLDI 2017), run as a view machine: each
// location keeps its modification order, a list of messages. A thread's view is
// the newest message of each location that it has to know of; a load may return
// any message that is not older than that. An acquire joins the view that a
// release put into the message. Concretely:
//
//   * A store goes to any place in the modification order after the thread's
//     view, but never between an RMW and the message that it has read.
//   * An RMW reads a message that no other RMW has read, and follows it. It
//     hands on that message's view: the release sequence (as in C++20, where a
//     later plain store of the same thread does not continue it).
//   * A failed CAS is a load, of any value but the expected one; a weak CAS may
//     fail for no reason too, a bounded number of times.
//   * Plain data is checked for data races by happens-before, whatever the
//     schedule happened to be.
//   * Stores become visible in finite time: how often a thread reads the same
//     old message of a location in a row is bounded too (`rereads`).
//
// Not modelled: seq_cst, fences, consume (refused), and load buffering (loads
// never see stores that come later in the execution; RC11 forbids cycles of
// program order and reads-from, C++ itself only discourages them).
//
// Threads are fibers of one real thread. Every atomic operation is a point
// where another may go on. `preemptions` bounds how often that happens to a
// thread that could have gone on itself (M. Musuvathi and S. Qadeer, "Iterative
// context bounding", PLDI 2007).

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

// Thread 0 is whoever sets a scenario up and looks at what is left; its
// operations are no scheduling points.
constexpr int kMaxThreads = 5;
constexpr int kMaxLocations = 59;
constexpr int kMaxMessages = 96;  // Stores to one location.

// How far a search goes. -1: without limit.
struct Bounds {
  int preemptions = 2;  // Of threads that could have gone on.
  int stale = -1;       // Loads and stores that do not take the newest place.
  int spurious = 1;     // Failures of weak CAS without a reason.
  int steps = 2000;     // Atomic operations, after which it counts as endless.
  int rereads = 2;      // Of one old message by one thread in a row.
};

struct Search {
  Bounds bounds;
  uint64_t executions = 50'000'000;  // At most that many.
  uint64_t seed = 0;                 // Not 0: random executions, not all.
  int stalled_thread = 0;            // From 1: it stops for good ...
  int stalled_after = 0;             // ... after so many atomic operations.
};

struct Result {
  uint64_t executions = 0;
  bool complete = false;  // Everything within the bounds was executed.
  int threads = 0;
  // The most atomic operations of each thread.
  std::array<int, kMaxThreads> steps = {};
  std::string failure;  // Empty: none.
  std::string trace;    // The execution that failed, an operation a line.
};

// One run of some threads. Made anew for each execution, by thread 0.
class Scenario {
 public:
  virtual ~Scenario() = default;
  virtual int threads() const = 0;
  virtual void Run(int thread) = 0;  // 1 to threads().
  // After all threads; not if one was stalled.
  virtual void Done() {}
};

class Explorer {
 public:
  using Order = std::memory_order;
  using Make = std::function<std::unique_ptr<Scenario>()>;

  static Explorer& Get();

  Result Run(const Make& make, const Search& search);

  // --- For scenarios and what they are made of -------------------------------

  // Ends the execution, which has failed, at once and in any thread.
  [[noreturn]] void Fail(const std::string& why);

  // The thread waits for another to store something, or to end.
  void Yield();

  // A choice that is the scenario's own, below `count`.
  int Choose(int count) { return choices_.Pick(count); }

  // 0 for the thread that sets up and looks at what is left.
  int current() const { return current_; }

  // Counts executions: what belongs to an earlier one is void.
  uint32_t execution() const { return execution_; }

  // How far the current thread knows of what `thread` did, by happens-before:
  // of itself, where it is. A thread's clock advances with what it releases.
  uint16_t Known(int thread) const;

  // Calls `call`, which the current thread leaves for good before its operation
  // number `after`, from 0 on, plain ones counted: as a signal handler that
  // jumps out of it. Returns whether there were so many.
  bool LeaveHalfway(int after, const std::function<void()>& call);

  // What traces call the object at that address, or what lies in it.
  bool tracing() const { return tracing_; }
  void Name(const void* address, const std::string& name, size_t bytes = 1);

  // --- Operations of Atomic and Plain ----------------------------------------

  uint32_t NewLocation(const void* address, uint64_t value);
  uint64_t Load(uint32_t location, Order order);
  void Store(uint32_t location, uint64_t value, Order order);
  bool CompareExchange(uint32_t location, uint64_t* expected, uint64_t value,
                       Order success, Order failure, bool weak);
  template <typename F>
  uint64_t ReadModifyWrite(uint32_t location, F change, Order order);

  struct Accesses {
    uint32_t execution = 0;
    uint8_t writer = 0;
    uint16_t written = 0;  // The writer's clock at that time.
    std::array<uint16_t, kMaxThreads> read = {};
  };
  void PlainRead(Accesses* accesses, const void* address);
  void PlainWrite(Accesses* accesses, const void* address);

 private:
  // For each thread, how far its plain accesses are known; for each location,
  // the oldest message that may still be read.
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
    bool follows;  // An RMW: nothing comes between it and what it has read.
    int writer;
    int number;  // Of the operation, in the trace.
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
  void Begin(Order order);  // Of an atomic operation.
  void MaybeLeave();        // At any operation.
  void SwitchTo(int thread);
  int PickThread();
  bool MayRun(int thread) const;

  uint16_t& Seen(uint32_t location) {
    return view().at[kMaxThreads + location];
  }
  View& view();
  // One of the messages that the thread may read and `ok` is true for; the
  // newest first.
  template <typename F>
  int PickMessage(uint32_t location, F ok);
  bool IsNews(uint32_t location, int at) const;
  // The bound of old values is reached.
  bool OnlyNewest() const {
    return search_.bounds.stale >= 0 && stale_ >= search_.bounds.stale;
  }
  void See(uint32_t location, int at, Order order);
  void Insert(uint32_t location, int at, uint64_t value, Order order,
              bool follows);
  int PickPlace(uint32_t location);
  bool IsUnread(uint32_t location, int at) const;
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
  std::unique_ptr<Fiber> outside_;  // Who called Run.
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

// A location, registered at its first use in each execution. All zeros are a
// valid object, of value 0. Operations without an order do not compile.
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

// A plain variable, each access of which is checked for data races. All zeros
// are a valid object, of value 0.
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

// Put in the place of std::atomic through Traits::Atomics.
struct Atomics {
  template <typename U>
  using Atomic = model::Atomic<U>;
  template <typename U>
  using Plain = model::Plain<U>;
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
    if (!ok(i)) continue;
    if (i != newest && (OnlyNewest() || !IsNews(location, i))) continue;
    candidates[count++] = i;
  }
  const int at = candidates[choices_.Pick(count)];
  if (at != candidates[0]) ++stale_;
  return at;
}

}  // namespace holdfast::model

#endif  // HOLDFAST_TESTS_MODEL_EXPLORER_H_
