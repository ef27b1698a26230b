// The ways in which the value that a scenario begins with can have come about.
// The word of a slot, and so the protocol of reads and writes, depends on that:
// see cell_word.h.

#ifndef HOLDFAST_TESTS_MODEL_STARTS_H_
#define HOLDFAST_TESTS_MODEL_STARTS_H_

#include "tests/model/play.h"

namespace holdfast::model {

// Where the value 1 of h(0) is at the start.
enum class Start {
  kHome,   // In the slot's own cell, into which it was pinned.
  kMoved,  // In another cell, into which it was pinned: the life before left
           // this cell in the slot.
  kBack,   // In the slot's own cell again. Writes are not counted any more.
  kWorn,   // In the slot's own cell, written as often as a word can count.
  kLast,   // As kHome, but in the last life of the slot.
};

// Pins the value of h(0), as thread 1.
template <typename Table>
void Begin(Play<Table>& p, Start start) {
  p.As(1, [&] {
    switch (start) {
      case Start::kHome:
        p.h(0) = p.Pin(1);
        break;
      case Start::kMoved:
        p.h(0) = p.Pin(10);
        p.Displace(p.h(0));
        p.UnpinOwn(p.h(0));
        p.h(0) = p.Pin(1);
        break;
      case Start::kBack:
        p.h(0) = p.Pin(1);
        p.Displace(p.h(0));
        p.Displace(p.h(0));
        break;
      case Start::kWorn:
        p.h(0) = p.Pin(1);
        p.WearWrites(p.h(0));
        break;
      case Start::kLast:
        p.UnpinOwn(p.Pin(10));
        p.UnpinOwn(p.Pin(11));
        p.h(0) = p.Pin(1);
        break;
    }
  });
}

}  // namespace holdfast::model

#endif  // HOLDFAST_TESTS_MODEL_STARTS_H_
