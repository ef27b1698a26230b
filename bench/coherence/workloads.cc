#include "bench/coherence/workloads.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <string>
#include <utility>
#include <vector>

#include "bench/coherence/play.h"
#include "holdfast/traits.h"

namespace holdfast::coherence {
namespace {

// --- Nothing moves between the cores -----------------------------------------

// All cores read the same 1,000 values.
template <typename Play>
Counts ReadAll(Play& play) {
  auto& shared = play.handles[0];
  play.On(0, [&] { play.PinMany(1'000, &shared); });
  const auto read = [&](uint32_t) {
    for (uint64_t i = 0; i < std::max<uint64_t>(play.each(), 1'000); ++i) {
      play.Read(shared[i % shared.size()]);
    }
  };
  play.OnAll(read);
  return play.Measure(read);
}

template <typename Play>
Counts PinUnpin(Play& play) {
  const auto work = [&](uint32_t) {
    for (uint64_t i = 0; i < play.each(); i += 2) play.Unpin(play.Pin());
  };
  play.OnAll(work);
  return play.Measure(work);
}

// `kBurst` pins and then as many unpins, again and again.
template <uint64_t kBurst, typename Play>
Counts Bursts(Play& play) {
  const auto work = [&](uint32_t core) {
    for (uint64_t i = 0; i < play.each(); i += 2 * kBurst) {
      play.PinMany(kBurst, &play.handles[core]);
      play.UnpinAll(&play.handles[core]);
    }
  };
  play.OnAll(work);
  return play.Measure(work);
}

// Takes one of the core's own values, at random, to the end of the list.
template <typename Play>
typename Play::Handle& Choose(Play& play, uint32_t core) {
  auto& own = play.handles[core];
  std::swap(own[play.randoms[core].Below(own.size())], own.back());
  return own.back();
}

// Reads, pins and unpins at random: of the core's own values, about 500.
template <typename Play>
Counts Thirds(Play& play) {
  constexpr size_t kMost = 1'000;
  const auto work = [&](uint32_t core) {
    auto& own = play.handles[core];
    auto& random = play.randoms[core];
    for (uint64_t i = 0; i < play.each(); ++i) {
      if (!own.empty() && random.OneIn(3)) {
        play.Read(Choose(play, core));
      } else if (random.Below(kMost) < own.size()) {
        play.Unpin(Choose(play, core));
        own.pop_back();
      } else {
        own.push_back(play.Pin());
      }
    }
  };
  play.OnAll([&](uint32_t core) {
    play.PinMany(kMost / 2, &play.handles[core]);
    work(core);
  });
  return play.Measure(work);
}

template <typename Play>
Counts WriteOwn(Play& play) {
  const auto work = [&](uint32_t core) {
    auto& own = play.handles[core];
    for (uint64_t i = 0; i < play.each(); ++i) play.Write(own[i % own.size()]);
  };
  play.OnAll([&](uint32_t core) {
    play.PinMany(100, &play.handles[core]);
    work(core);
  });
  return play.Measure(work);
}

// --- Slots come from what all share ------------------------------------------

// Pins into a new table.
template <typename Play>
Counts Insert(Play& play) {
  return play.Measure(
      [&](uint32_t core) { play.PinMany(play.each(), &play.handles[core]); });
}

// Pins into a table that one other core has filled and emptied before.
template <typename Play>
Counts InsertAgain(Play& play) {
  play.On(play.cores(), [&] {
    auto& before = play.handles.back();
    play.PinMany(play.each() * play.cores(), &before);
    play.UnpinAll(&before);
  });
  return Insert(play);
}

// --- Slots pass from core to core --------------------------------------------

// All cores unpin what core 0 has pinned: each has a stretch of the handles.
template <typename Play>
Counts DrainStretches(Play& play) {
  auto& all = play.handles[0];
  play.On(0, [&] { play.PinMany(play.each() * play.cores(), &all); });
  return play.Measure([&](uint32_t core) {
    for (uint64_t i = 0; i < play.each(); ++i) {
      play.Unpin(all[core * play.each() + i]);
    }
  });
}

// The same, but each core takes the next handle that is left.
template <typename Play>
Counts DrainInTurn(Play& play) {
  auto& all = play.handles[0];
  play.On(0, [&] { play.PinMany(play.each() * play.cores(), &all); });
  size_t next = 0;
  return play.Measure([&](uint32_t) {
    while (next < all.size()) play.Unpin(all[next++]);
  });
}

// Each core pins, or unpins its own values in random order, until it has as
// many values as it has chosen at random, up to 1,000; and so on. So cores get
// slots that others have given back.
template <typename Play>
Counts RandomLevels(Play& play) {
  const auto work = [&](uint32_t core) {
    auto& own = play.handles[core];
    for (uint64_t done = 0; done < play.each();) {
      const uint32_t level = play.randoms[core].Below(1'001);
      for (; own.size() < level; ++done) own.push_back(play.Pin());
      for (; own.size() > level; ++done) {
        play.Unpin(Choose(play, core));
        own.pop_back();
      }
    }
  };
  for (int i = 0; i < 2; ++i) play.OnAll(work);
  return play.Measure(work);
}

// Cores with even numbers pin, and their neighbours unpin that, block by block.
// The queue between the two is not counted. One core alone does both.
template <typename Play>
Counts PinHereUnpinThere(Play& play) {
  using Handle = typename Play::Handle;
  constexpr size_t kBlock = 64;
  constexpr size_t kRoom = 16 * kBlock;
  std::vector<std::deque<Handle>> queues(play.cores());
  const auto push = [&](std::deque<Handle>& queue) {
    while (queue.size() + kBlock > kRoom) play.Wait();
    for (size_t i = 0; i < kBlock; ++i) queue.push_back(play.Pin());
  };
  const auto pop = [&](std::deque<Handle>& queue) {
    while (queue.size() < kBlock) play.Wait();
    for (size_t i = 0; i < kBlock; ++i) {
      const Handle handle = queue.front();
      queue.pop_front();
      play.Unpin(handle);
    }
  };
  const auto work = [&](uint32_t core) {
    auto& queue = queues[core / 2];
    for (uint64_t i = 0; i < play.each(); i += kBlock) {
      if (core % 2 == 0) push(queue);
      if (core % 2 == 1 || play.cores() == 1) pop(queue);
    }
  };
  play.OnAll(work);
  return play.Measure(work);
}

// All cores write to one value.
template <typename Play>
Counts WriteOne(Play& play) {
  play.On(0, [&] { play.PinMany(1, &play.handles[0]); });
  const auto work = [&](uint32_t) {
    for (uint64_t i = 0; i < play.each(); ++i) play.Write(play.handles[0][0]);
  };
  play.OnAll(work);
  return play.Measure(work);
}

// --- All of them -------------------------------------------------------------

constexpr uint32_t kDefaultStacks = DefaultTraits::kFreeListStacks;

template <uint32_t kStacks>
struct Entry {
  const char* name;
  Counts (*count)(Play<kStacks>&);
};

template <uint32_t kStacks>
constexpr Entry<kStacks> kWorkloads[] = {
    {"read", &ReadAll},
    {"pin + unpin", &PinUnpin},
    {"bursts of 100", &Bursts<100>},
    {"bursts of 1,000", &Bursts<1'000>},
    {"thirds", &Thirds},
    {"write own", &WriteOwn},
    {"insert, new table", &Insert},
    {"insert, emptied table", &InsertAgain},
    {"drain, stretches", &DrainStretches},
    {"drain, in turn", &DrainInTurn},
    {"random levels", &RandomLevels},
    {"pin here, unpin there", &PinHereUnpinThere},
    {"write one value", &WriteOne},
};

template <uint32_t kStacks>
Counts CountWith(const std::string& workload, const Setting& setting) {
  for (const auto& [name, count] : kWorkloads<kStacks>) {
    if (workload != name) continue;
    Play<kStacks> play(setting);
    return count(play);
  }
  std::fprintf(stderr, "coherence: no workload %s\n", workload.c_str());
  std::abort();
}

}  // namespace

std::vector<std::string> Workloads() {
  std::vector<std::string> names;
  for (const auto& entry : kWorkloads<kDefaultStacks>)
    names.emplace_back(entry.name);
  return names;
}

Counts Count(const std::string& workload, const Setting& setting) {
  return setting.one_stack ? CountWith<1>(workload, setting)
                           : CountWith<kDefaultStacks>(workload, setting);
}

}  // namespace holdfast::coherence
