// Reservations pass from thread to thread through the stock.

#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "holdfast/internal/reservation_stock.h"
#include "tests/model/scenarios.h"

namespace holdfast::model {
namespace {

using internal::Reservation;
using internal::ReservationLayout;

// At first the stock has the reservation 0. Threads use the memory of what they
// take, as tables would, and put it back or keep it. At the end, each
// reservation must be in one place.
template <uint32_t kEntries>
class Stock : public Scenario {
 public:
  using Body = void (Stock::*)(uint64_t thread);

  explicit Stock(std::vector<Body> bodies) : bodies_(std::move(bodies)) {
    Explorer::Get().Name(&stock_, "stock", sizeof(stock_));
    stock_.Put(Of(0), 0);
  }
  int threads() const override { return static_cast<int>(bodies_.size()); }
  void Run(int thread) override {
    const auto me = static_cast<uint64_t>(thread);
    (this->*bodies_[me - 1])(me);
  }
  void Done() override {
    TakeAll(0);
    for (uint64_t number = 0; number < kMemories; ++number) {
      int places = number == 0 || has_second_ != 0 ? -1 : 0;
      for (auto& of_thread : kept_) places += of_thread[number];
      if (places != 0) Explorer::Get().Fail("a reservation is lost, or twice");
    }
  }

  // --- What threads do -------------------------------------------------------

  void TakeAndPutBack(uint64_t me) {
    const Reservation taken = stock_.Take(LayoutOf(0), me);
    if (taken.base == nullptr) return;
    Use(taken);
    PutMine(taken, me);
  }

  void TakeAndKeep(uint64_t me) { Keep(stock_.Take(LayoutOf(0), me), me); }

  void PutSecond(uint64_t me) {
    has_second_ = 1;
    Use(Of(1));
    PutMine(Of(1), me);
  }

  void TakeAll(uint64_t me) {
    stock_.TakeAll([&](const Reservation& taken) { Keep(taken, me); });
  }

 private:
  static constexpr uint64_t kMemories = 2;

  static constexpr ReservationLayout LayoutOf(uint64_t number) {
    return {4096, 0, number, 0, 0};
  }
  Reservation Of(uint64_t number) {
    return {LayoutOf(number), &memory_[number]};
  }

  static void Use(const Reservation& mine) {
    auto& memory = *static_cast<Plain<int>*>(mine.base);
    memory = memory + 1;
  }

  void PutMine(const Reservation& mine, uint64_t me) {
    Keep(stock_.Put(mine, 0), me);
  }

  // What the library does with a reservation that it unmaps is a use, too.
  void Keep(const Reservation& mine, uint64_t me) {
    if (mine.base == nullptr) return;
    Use(mine);
    const uint64_t number = mine.layout.growth;
    if (mine.base != &memory_[number]) {
      Explorer::Get().Fail("a reservation with the layout of another");
    }
    kept_[me][number] = kept_[me][number] + 1;
  }

  const std::vector<Body> bodies_;
  internal::ReservationStock<Atomics, kEntries> stock_;
  Plain<int> memory_[kMemories];
  Plain<int> has_second_;
  Plain<int> kept_[kMaxThreads][kMemories];  // By thread.
};

template <uint32_t kEntries>
void Add(const char* name, std::vector<typename Stock<kEntries>::Body> bodies,
         Entries* entries) {
  entries->push_back(
      {name,
       [bodies] { return std::make_unique<Stock<kEntries>>(bodies); },
       {/*preemptions=*/2, /*stale=*/2}});
}

}  // namespace

Entries StockScenarios() {
  Entries entries;
  using Two = Stock<2>;
  Add<2>("reservations",
         {&Two::TakeAndPutBack, &Two::TakeAndPutBack, &Two::TakeAll}, &entries);
  // One entry: what is put displaces what is there.
  using One = Stock<1>;
  Add<1>("reservations_displaced",
         {&One::TakeAndPutBack, &One::PutSecond, &One::TakeAll}, &entries);
  Add<1>("reservation_in_an_entry_that_was_left",
         {&One::TakeAndKeep, &One::PutSecond}, &entries);
  return entries;
}

}  // namespace holdfast::model
