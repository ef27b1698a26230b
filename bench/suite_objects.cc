// Objects: borrowed, one by all threads, beside churn; put in and erased; all
// of them visited.

#include <cstddef>

#include "limits.h"
#include "prepare.h"
#include "subject.h"
#include "suite.h"
#include "trial.h"
#include "workloads.h"

namespace holdfast::bench {
namespace {

void AddBorrows(Suite& suite, const Subject& peer) {
  constexpr size_t kObjects = 1000;
  for (const int threads : {1, 2, 4}) {
    suite.Add("borrow", peer, {{"threads", threads}, {"slots", kObjects}},
              [=](Trial& trial) { ReadHit(trial, threads, kObjects); });
  }
  suite.Add("borrow_stale", peer, {{"threads", 1}, {"slots", kObjects}},
            [=](Trial& trial) { ReadStale(trial, 1, kObjects); });
  const size_t many = suite.scale().big_slots;
  suite.Add("borrow_random", peer, {{"threads", 1}, {"slots", many}},
            [=](Trial& trial) { ReadWorkingSet(trial, many); });
  for (const int threads : ThreadCounts()) {
    suite.Add("borrow_hot", peer, {{"threads", threads}},
              [=](Trial& trial) { ReadHot(trial, threads); });
  }
}

void AddLives(Suite& suite, const Subject& peer) {
  for (const int threads : {1, 2, 4}) {
    suite.Add("emplace_erase", peer, {{"threads", threads}},
              [=](Trial& trial) { PinUnpin(trial, threads); });
    suite.Add("object_burst", peer, {{"threads", threads}, {"n", 1000}},
              [=](Trial& trial) { Burst(trial, threads, 1000); });
  }
  for (const int threads : {2, 4}) {
    suite.Add("borrow_churn", peer, {{"threads", threads}},
              [=](Trial& trial) { ReadChurn(trial, threads); });
  }
  for (const int threads : {1, 2}) {
    for (const Verb verb : {Verb::kPin, Verb::kRead, Verb::kUnpin}) {
      constexpr const char* kNames[] = {"emplace", "borrow", "", "erase"};
      suite.Add(
          "object_latency", peer,
          {{"threads", threads}, {"verb", kNames[static_cast<size_t>(verb)]}},
          [=](Trial& trial) { Latency(trial, threads, verb); });
    }
  }
  if (!peer.features.for_each) return;
  const size_t slots = suite.scale().big_slots;
  suite.Add("object_for_each", peer, {{"threads", 1}, {"slots", slots}},
            [=](Trial& trial) { ForEachLive(trial, 1, slots, Fill::kFull); });
}

}  // namespace

void AddObjects(Suite& suite) {
  for (const Subject& peer : ObjectSubjects()) {
    AddBorrows(suite, peer);
    AddLives(suite, peer);
  }
  AddBorrows(suite, EightBytes<RawArrayLimit>::Subjects()[0]);
}

}  // namespace holdfast::bench
