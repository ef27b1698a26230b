#include "bench/coherence/cores.h"

#include <ucontext.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <utility>

#include "absl/functional/function_ref.h"

namespace holdfast::coherence {

void Cores::Run(uint32_t count, absl::FunctionRef<void(uint32_t)> body) {
  body_ = &body;
  entered_ = this;
  for (uint32_t core = 0; core < count; ++core) {
    Start(core);
    going_.push_back(core);
  }
  place_ = random_.Below(count);
  current_ = going_[place_];
  swapcontext(&outside_, &fibers_[current_].context);
}

void Cores::RunOn(uint32_t core, absl::FunctionRef<void()> body) {
  current_ = core;
  body();
}

void Cores::Switch() {
  if (going_.size() < 2) return;
  // One of the others: the last one takes the place of the current one.
  const size_t other = random_.Below(going_.size() - 1);
  place_ = other == place_ ? going_.size() - 1 : other;
  Fiber& from = fibers_[std::exchange(current_, going_[place_])];
  swapcontext(&from.context, &fibers_[current_].context);
}

void Cores::Start(uint32_t core) {
  Fiber& fiber = fibers_[core];
  if (fiber.stack == nullptr) fiber.stack.reset(new char[kStackBytes]);
  getcontext(&fiber.context);
  fiber.context.uc_stack.ss_sp = fiber.stack.get();
  fiber.context.uc_stack.ss_size = kStackBytes;
  fiber.context.uc_link = nullptr;
  makecontext(&fiber.context, &Cores::Enter, 0);
}

void Cores::Enter() {
  Cores& cores = *entered_;
  (*cores.body_)(cores.current_);
  cores.End();
}

void Cores::End() {
  std::swap(going_[place_], going_.back());
  going_.pop_back();
  if (going_.empty()) {
    setcontext(&outside_);
  } else {
    place_ = random_.Below(going_.size());
    current_ = going_[place_];
    setcontext(&fibers_[current_].context);
  }
  std::abort();  // Unreachable.
}

}  // namespace holdfast::coherence
