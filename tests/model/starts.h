// The ways in which the value of a scenario has come about.

#ifndef HOLDFAST_TESTS_MODEL_STARTS_H_
#define HOLDFAST_TESTS_MODEL_STARTS_H_

#include "tests/model/play.h"

namespace holdfast::model {

// How h(0), which holds 1 and belongs to thread 1, has come about.
enum class Start {
  kHome,   // In its own cell.
  kMoved,  // Pinned into another cell, which the last life left.
  kBack,   // In its own cell again, where writes are not counted any more.
  kWorn,   // In its own cell, written as often as can be counted.
  kLast,   // In the last life of its slot.
};

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
