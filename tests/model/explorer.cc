#include "tests/model/explorer.h"

#include <ucontext.h>

#include <algorithm>
#include <csetjmp>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <utility>

namespace holdfast::model {
namespace {

constexpr size_t kStackBytes = 256 << 10;

[[noreturn]] void Abort(const char* why) {
  std::fprintf(stderr, "explorer: %s\n", why);
  std::abort();
}

bool Acquires(std::memory_order order) {
  return order == std::memory_order_acquire ||
         order == std::memory_order_acq_rel;
}

bool Releases(std::memory_order order) {
  return order == std::memory_order_release ||
         order == std::memory_order_acq_rel;
}

std::string OrderName(std::memory_order order) {
  switch (order) {
    case std::memory_order_relaxed:
      return "relaxed";
    case std::memory_order_acquire:
      return "acquire";
    case std::memory_order_release:
      return "release";
    case std::memory_order_acq_rel:
      return "acq_rel";
    default:
      Abort("an order that is not modelled");
  }
}

std::string Hex(uint64_t value) {
  char text[24];
  std::snprintf(text, sizeof(text), "0x%llx",
                static_cast<unsigned long long>(value));
  return text;
}

void Require(bool modelled) {
  if (!modelled) Abort("an order that is not modelled");
}

}  // namespace

struct Explorer::Fiber {
  View view;
  ucontext_t context;
  std::unique_ptr<char[]> stack;
  bool done = true;
  // Whether the thread has had no operation yet. No other thread is chosen to
  // go before the first one, because the thread itself was just chosen.
  bool fresh = false;
  int steps = 0;  // Atomic operations so far.
  // The thread waits as long as this is equal to stores_. See Yield.
  int yielded_at = -1;
  // The number of operations until the thread leaves its call, or -1 if it
  // does not; and where it goes on then. See LeaveHalfway.
  int leaves_in = -1;
  std::jmp_buf left;
  // For each location, the old message that the thread has read last, and how
  // many times in a row.
  struct {
    int at = -1;
    int count = 0;
  } old[kMaxLocations];
};

// --- Executions --------------------------------------------------------------

Explorer::Explorer()
    : locations_(kMaxLocations), outside_(std::make_unique<Fiber>()) {
  for (auto& fiber : fibers_) fiber = std::make_unique<Fiber>();
}

Explorer::~Explorer() = default;

Explorer& Explorer::Get() {
  static Explorer explorer;
  return explorer;
}

Result Explorer::Run(const Make& make, const Search& search) {
  search_ = search;
  choices_.Start(search.seed);
  steps_ = {};
  Result result;
  while (result.executions < search.executions && !result.complete) {
    ++result.executions;
    Execute(make);
    if (!failure_.empty()) {
      result.failure = failure_;
      choices_.Rewind();
      tracing_ = true;
      Execute(make);
      tracing_ = false;
      result.trace = trace_;
      break;
    }
    result.complete = !choices_.Next();
  }
  result.threads = threads_;
  result.steps = steps_;
  return result;
}

void Explorer::Execute(const Make& make) {
  failure_.clear();
  trace_.clear();
  names_.clear();
  ++execution_;
  used_locations_ = 0;
  current_ = threads_ = preempted_ = stale_ = spurious_ = 0;
  operations_ = stores_ = 0;
  for (int thread = 0; thread < kMaxThreads; ++thread) {
    Fiber& fiber = *fibers_[thread];
    fiber.done = true;
    fiber.view = View();
    fiber.view.at[thread] = 1;  // Clocks start at 1: all threads know of 0.
  }
  make_ = &make;
  Start(0);
  swapcontext(&outside_->context, &fibers_[0]->context);
  for (int thread = 1; thread <= threads_; ++thread) {
    steps_[thread] = std::max(steps_[thread], fibers_[thread]->steps);
  }
  scenario_.reset();
}

// All that thread 0 does.
void Explorer::RunScenario() {
  scenario_ = (*make_)();
  threads_ = scenario_->threads();
  for (int thread = 1; thread <= threads_; ++thread) {
    fibers_[thread]->view.Join(view());
    fibers_[thread]->done = false;
    Start(thread);
  }
  ++view().at[0];
  const int first = PickThread();
  if (first != 0) SwitchTo(first);
  for (int thread = 1; thread <= threads_; ++thread) {
    view().Join(fibers_[thread]->view);
  }
  if (search_.stalled_thread == 0) scenario_->Done();
}

void Explorer::Start(int thread) {
  Fiber& fiber = *fibers_[thread];
  fiber.fresh = true;
  fiber.steps = 0;
  fiber.yielded_at = fiber.leaves_in = -1;
  for (auto& old : fiber.old) old = {};
  if (fiber.stack == nullptr) {
    fiber.stack = std::make_unique<char[]>(kStackBytes);
  }
  getcontext(&fiber.context);
  fiber.context.uc_stack.ss_sp = fiber.stack.get();
  fiber.context.uc_stack.ss_size = kStackBytes;
  fiber.context.uc_link = nullptr;
  makecontext(&fiber.context, &Explorer::Enter, 0);
}

void Explorer::Enter() {
  Explorer& explorer = Get();
  if (explorer.current_ == 0) {
    explorer.RunScenario();
    explorer.Leave();
  }
  explorer.scenario_->Run(explorer.current_);
  explorer.fibers_[explorer.current_]->done = true;
  explorer.SwitchTo(explorer.PickThread());
}

// Ends the execution. The fibers are left where they are and never resumed;
// Start gives each a new context. So destructors of their objects do not run.
void Explorer::Leave() {
  current_ = 0;
  setcontext(&outside_->context);
  std::abort();  // Unreachable.
}

void Explorer::Fail(const std::string& why) {
  failure_ = why;
  if (tracing_) trace_ += "  T" + std::to_string(current_) + ": " + why + "\n";
  Leave();
}

void Explorer::Yield() {
  fibers_[current_]->yielded_at = stores_;
  const int next = PickThread();
  if (next != 0 && next != current_) SwitchTo(next);
}

bool Explorer::MayRun(int thread) const {
  const Fiber& fiber = *fibers_[thread];
  return !fiber.done && fiber.yielded_at != stores_ &&
         !(thread == search_.stalled_thread &&
           fiber.steps >= search_.stalled_after);
}

// Chooses the thread whose operation is next. Returns 0 if there is none.
int Explorer::PickThread() {
  int candidates[kMaxThreads];
  int count = 0;
  const bool may_go_on = current_ != 0 && MayRun(current_);
  if (may_go_on) candidates[count++] = current_;
  // In a random search, the thread goes on in two of three cases before others
  // are even considered. Else it would rarely do much between two preemptions.
  if (may_go_on && search_.seed != 0 && choices_.Pick(3) != 0) return current_;
  if (!may_go_on || search_.bounds.preemptions < 0 ||
      preempted_ < search_.bounds.preemptions) {
    for (int thread = 1; thread <= threads_; ++thread) {
      if (thread != current_ && MayRun(thread)) candidates[count++] = thread;
    }
  }
  if (count == 0) {
    // Every thread waits, has ended or is stalled. So those that wait go on.
    for (int thread = 1; thread <= threads_; ++thread) {
      Fiber& fiber = *fibers_[thread];
      if (fiber.yielded_at == stores_) {
        fiber.yielded_at = -1;
        if (MayRun(thread)) candidates[count++] = thread;
        ++operations_;  // So that waiting for ever reaches Bounds::steps.
      }
    }
    if (count == 0) return 0;
  }
  const int next = candidates[choices_.Pick(count)];
  if (may_go_on && next != current_) ++preempted_;
  return next;
}

void Explorer::SwitchTo(int thread) {
  Fiber& from = *fibers_[current_];
  current_ = thread;
  swapcontext(&from.context, &fibers_[thread]->context);
}

void Explorer::Begin(Order order) {
  Require(order != std::memory_order_seq_cst &&
          order != std::memory_order_consume);
  ++operations_;
  if (current_ == 0) return;
  Fiber& fiber = *fibers_[current_];
  if (operations_ > search_.bounds.steps) Fail("no end in sight");
  if (!std::exchange(fiber.fresh, false)) {
    const int next = PickThread();
    if (next != current_) SwitchTo(next);
  }
  MaybeLeave();
  ++fiber.steps;
}

uint16_t Explorer::Known(int thread) const {
  return fibers_[current_]->view.at[static_cast<size_t>(thread)];
}

bool Explorer::LeaveHalfway(int after, const std::function<void()>& call) {
  Fiber& fiber = *fibers_[current_];
  if (setjmp(fiber.left) != 0) return true;
  fiber.leaves_in = after;
  call();
  fiber.leaves_in = -1;
  return false;
}

void Explorer::MaybeLeave() {
  Fiber& fiber = *fibers_[current_];
  if (fiber.leaves_in < 0 || fiber.leaves_in-- > 0) return;
  if (tracing_) {
    trace_ += "  T" + std::to_string(current_) + " leaves its call\n";
  }
  std::longjmp(fiber.left, 1);
}

// --- Locations ---------------------------------------------------------------

Explorer::View& Explorer::view() { return fibers_[current_]->view; }

uint32_t Explorer::NewLocation(const void* address, uint64_t value) {
  if (used_locations_ == kMaxLocations) Abort("too many locations");
  Location& location = locations_[used_locations_];
  location.address = address;
  location.messages.clear();
  location.messages.push_back({value, View(), false, false, 0, 0});
  return used_locations_++;
}

// Whether no RMW has read this message, so that another RMW may.
bool Explorer::IsUnread(uint32_t location, int at) const {
  const auto& messages = locations_[location].messages;
  const size_t next = static_cast<size_t>(at) + 1;
  return next == messages.size() || !messages[next].follows;
}

// Whether Bounds::rereads allows the current thread to read this old message
// now.
bool Explorer::IsNews(uint32_t location, int at) const {
  const auto& old = fibers_[current_]->old[location];
  return old.at != at || old.count < search_.bounds.rereads;
}

// Brings the current thread's view up to date after a read of this message.
void Explorer::See(uint32_t location, int at, Order order) {
  Fiber& fiber = *fibers_[current_];
  const auto& messages = locations_[location].messages;
  if (at + 1 < static_cast<int>(messages.size())) {
    auto& old = fiber.old[location];
    if (old.at != at) old = {at, 0};
    ++old.count;
  }
  Seen(location) = static_cast<uint16_t>(at);
  if (Acquires(order)) fiber.view.Join(messages[at].view);
}

// Chooses where in the modification order a store of the current thread goes.
int Explorer::PickPlace(uint32_t location) {
  const auto& messages = locations_[location].messages;
  const int end = static_cast<int>(messages.size());
  if (Seen(location) + 1 == end) return end;
  if (OnlyNewest()) return end;
  int candidates[kMaxMessages] = {end};
  int count = 1;
  for (int at = end - 1; at > Seen(location); --at) {
    if (!messages[at].follows) candidates[count++] = at;
  }
  const int at = candidates[choices_.Pick(count)];
  if (at != end) ++stale_;
  return at;
}

// Puts a message into the modification order at the place `at`. Views name
// messages by their places, so places from `at` on are shifted in all views.
void Explorer::Insert(uint32_t location, int at, uint64_t value, Order order,
                      bool follows) {
  auto& messages = locations_[location].messages;
  const size_t index = kMaxThreads + location;
  if (at != static_cast<int>(messages.size())) {
    const auto shift = [index, at](View& view) {
      if (view.at[index] >= at) ++view.at[index];
    };
    for (auto& fiber : fibers_) shift(fiber->view);
    for (uint32_t i = 0; i < used_locations_; ++i) {
      for (Message& message : locations_[i].messages) shift(message.view);
    }
  }
  ++stores_;
  Seen(location) = static_cast<uint16_t>(at);
  Message message = {value, View(), follows, false, current_, operations_};
  if (Releases(order)) message.view = view();
  message.view.at[index] = static_cast<uint16_t>(at);
  if (follows) message.view.Join(messages[at - 1].view);
  if (messages.size() == kMaxMessages) {
    Abort("too many stores to one location");
  }
  messages.insert(messages.begin() + at, message);
  // What the thread does from here on does not happen before an acquire of the
  // message: a new clock tells it apart from what was released.
  if (Releases(order)) ++view().at[current_];
}

uint64_t Explorer::Load(uint32_t location, Order order) {
  Require(order == std::memory_order_relaxed ||
          order == std::memory_order_acquire);
  Begin(order);
  const int at = PickMessage(location, [](int) { return true; });
  if (tracing_) NoteRead("load", location, order, at);
  See(location, at, order);
  return locations_[location].messages[at].value;
}

void Explorer::Store(uint32_t location, uint64_t value, Order order) {
  Require(order == std::memory_order_relaxed ||
          order == std::memory_order_release);
  Begin(order);
  const int at = PickPlace(location);
  if (tracing_) {
    const bool last =
        at == static_cast<int>(locations_[location].messages.size());
    Note("store", location,
         OrderName(order) + " " + Hex(value) +
             (last ? "" : ", before later ones in its modification order"));
  }
  Insert(location, at, value, order, false);
}

uint64_t Explorer::Change(uint32_t location, int at, uint64_t value,
                          Order order) {
  if (tracing_) NoteRead("RMW", location, order, at, " -> " + Hex(value));
  const uint64_t old = locations_[location].messages[at].value;
  See(location, at, order);
  Insert(location, at + 1, value, order, true);
  return old;
}

bool Explorer::CompareExchange(uint32_t location, uint64_t* expected,
                               uint64_t value, Order success, Order failure,
                               bool weak) {
  Require(failure == std::memory_order_relaxed ||
          failure == std::memory_order_acquire);
  Begin(success);
  const auto& messages = locations_[location].messages;
  const bool may_fail = weak && spurious_ < search_.bounds.spurious;
  const int at = PickMessage(location, [&](int i) {
    return messages[i].value != *expected || IsUnread(location, i) || may_fail;
  });
  if (messages[at].value == *expected) {
    if (IsUnread(location, at) && (!may_fail || choices_.Pick(2) == 0)) {
      Change(location, at, value, success);
      return true;
    }
    ++spurious_;
  }
  if (tracing_) NoteRead("failed CAS", location, failure, at);
  *expected = messages[at].value;
  See(location, at, failure);
  return false;
}

// Whether a CAS of both locations can have read these messages: of each other
// CAS of both, it has then come after both messages or before both.
bool Explorer::AreOfOneTime(const Two<uint32_t>& locations,
                            const Two<int>& places) const {
  const auto& first = locations_[locations[0]].messages;
  const auto& second = locations_[locations[1]].messages;
  for (int i = 0; i < static_cast<int>(first.size()); ++i) {
    if (!first[i].is_half) continue;
    for (int j = 0; j < static_cast<int>(second.size()); ++j) {
      if (!second[j].is_half || second[j].number != first[i].number) continue;
      if ((i <= places[0]) != (j <= places[1])) return false;
    }
  }
  return true;
}

// Whether neither of these messages, of a CAS that reads both at once, releases
// that its thread has seen a newer message of the other location.
bool Explorer::KnowNothingNewer(const Two<uint32_t>& locations,
                                const Two<int>& places) const {
  for (size_t i = 0; i < 2; ++i) {
    const Message& message =
        locations_[locations[i]].messages[static_cast<size_t>(places[i])];
    if (message.view.at[kMaxThreads + locations[1 - i]] > places[1 - i]) {
      return false;
    }
  }
  return true;
}

bool Explorer::CompareExchangeBoth(Two<uint32_t> locations,
                                   Two<uint64_t> expected,
                                   Two<uint64_t> desired, Order order) {
  Begin(order);
  // Of each location, the places that the thread may read, the newest first.
  Two<std::vector<int>> readable;
  for (size_t i = 0; i < 2; ++i) {
    const uint32_t location = locations[i];
    const int newest =
        static_cast<int>(locations_[location].messages.size()) - 1;
    for (int at = newest; at >= Seen(location); --at) {
      if (IsReadable(location, at, newest)) readable[i].push_back(at);
    }
  }
  const auto is_expected = [&](size_t half, int at) {
    return locations_[locations[half]].messages[at].value == expected[half];
  };
  std::vector<Two<int>> places;
  for (const int first : readable[0]) {
    for (const int second : readable[1]) {
      if (is_expected(0, first) && is_expected(1, second) &&
          IsUnread(locations[0], first) && IsUnread(locations[1], second) &&
          AreOfOneTime(locations, {first, second}) &&
          (!Acquires(order) || KnowNothingNewer(locations, {first, second}))) {
        places.push_back({first, second});
      }
    }
  }
  // For failures: of each location, the oldest message that differs.
  std::vector<Two<int>> failures;
  for (size_t i = 0; i < 2; ++i) {
    int differs = -1;
    for (const int at : readable[i]) {
      if (!is_expected(i, at)) differs = at;
    }
    if (differs >= 0) failures.push_back({static_cast<int>(i), differs});
  }
  const size_t ways = places.size() + failures.size();
  if (ways == 0) Abort("a CAS of two locations that can neither fail nor not");
  const size_t way = static_cast<size_t>(choices_.Pick(static_cast<int>(ways)));
  if (way >= places.size()) {
    const auto& [half, differs] = failures[way - places.size()];
    const uint32_t location = locations[static_cast<size_t>(half)];
    if (tracing_) {
      NoteRead("failed CAS of two", location, std::memory_order_relaxed,
               differs);
    }
    See(location, differs, std::memory_order_relaxed);
    return false;
  }
  if (way != 0) ++stale_;
  const Two<int> at = places[way];
  for (size_t i = 0; i < 2; ++i) {
    if (tracing_) {
      NoteRead("half of an RMW", locations[i], order, at[i],
               " -> " + Hex(desired[i]));
    }
    See(locations[i], at[i], order);
  }
  for (size_t i = 0; i < 2; ++i) {
    Insert(locations[i], at[i] + 1, desired[i], order, true);
  }
  for (size_t i = 0; i < 2; ++i) {
    Message& message = locations_[locations[i]].messages[at[i] + 1];
    message.is_half = true;
    if (!Releases(order)) continue;
    // Both are released at once: each carries the place of the other.
    uint16_t& other = message.view.at[kMaxThreads + locations[1 - i]];
    other = std::max(other, static_cast<uint16_t>(at[1 - i] + 1));
  }
  return true;
}

// --- Plain data --------------------------------------------------------------

// Forgets the accesses of earlier executions.
Explorer::Accesses& Explorer::Refresh(Accesses* accesses) const {
  if (accesses->execution != execution_) *accesses = {};
  accesses->execution = execution_;
  return *accesses;
}

void Explorer::PlainRead(Accesses* accesses, const void* address) {
  // After a failure, the scenario is destroyed as it is.
  if (!failure_.empty()) return;
  MaybeLeave();
  Accesses& seen = Refresh(accesses);
  if (view().at[seen.writer] < seen.written) {
    Fail("data race: read of " + NameOf(address) + ", which T" +
         std::to_string(seen.writer) + " has written");
  }
  seen.read[current_] = view().at[current_];
}

void Explorer::PlainWrite(Accesses* accesses, const void* address) {
  if (!failure_.empty()) return;  // As above.
  MaybeLeave();
  Accesses& seen = Refresh(accesses);
  if (view().at[seen.writer] < seen.written) {
    Fail("data race: write of " + NameOf(address) + ", which T" +
         std::to_string(seen.writer) + " has written");
  }
  for (int thread = 0; thread < kMaxThreads; ++thread) {
    if (view().at[thread] < seen.read[thread]) {
      Fail("data race: write of " + NameOf(address) + ", which T" +
           std::to_string(thread) + " has read");
    }
  }
  seen.writer = static_cast<uint8_t>(current_);
  seen.written = view().at[current_];
}

// --- Traces ------------------------------------------------------------------

void Explorer::Name(const void* address, const std::string& name,
                    size_t bytes) {
  if (tracing_) names_[static_cast<const char*>(address)] = {name, bytes};
}

std::string Explorer::NameOf(const void* address) const {
  const char* const at = static_cast<const char*>(address);
  auto found = names_.upper_bound(at);
  if (found == names_.begin()) return "a variable";
  const auto& [begin, named] = *--found;
  if (at == begin) return named.name;
  if (at >= begin + named.bytes) return "a variable";
  return named.name + "+" + std::to_string(at - begin);
}

void Explorer::Note(const char* operation, uint32_t location,
                    const std::string& how) {
  trace_ += "  " + std::to_string(operations_) + ": T" +
            std::to_string(current_) + " " + operation + " " +
            NameOf(locations_[location].address) + " " + how + "\n";
}

void Explorer::NoteRead(const char* operation, uint32_t location, Order order,
                        int at, const std::string& more) {
  const auto& messages = locations_[location].messages;
  const Message& message = messages[at];
  Note(operation, location,
       OrderName(order) + " " + Hex(message.value) + " of " +
           (message.number == 0 ? "the start"
                                : "T" + std::to_string(message.writer) + "'s " +
                                      std::to_string(message.number)) +
           (at + 1 < static_cast<int>(messages.size()) ? " (not the newest)"
                                                       : "") +
           more);
}

}  // namespace holdfast::model
