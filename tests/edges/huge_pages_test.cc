// Goal: a large table asks for huge pages, and takes little more memory for it.
// Even if transparent huge pages are set to "always", a small table is in no
// huge page: it takes only the few pages that it uses.
//
// Method: look at the mappings of a process, before and after it uses a table.
// One test sets the system to "always" for a moment, if it may.

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <string>

#include "absl/base/config.h"
#include "gtest/gtest.h"
#include "holdfast/handle_table.h"
#include "tests/edges/child.h"
#include "tests/edges/memory_maps.h"

namespace holdfast {
namespace {

// Sets transparent huge pages to "always", for the whole system, until it is
// destroyed.
class AlwaysHugePages {
 public:
  AlwaysHugePages() {
    std::string text;
    std::getline(std::ifstream(kPath), text);
    const size_t begin = text.find('[');
    if (begin == std::string::npos) return;
    before_ = text.substr(begin + 1, text.find(']') - begin - 1);
    if (before_ != "always") std::ofstream(kPath) << "always" << std::flush;
    std::getline(std::ifstream(kPath), text);
    on_ = text.find("[always]") != std::string::npos;
  }
  AlwaysHugePages(const AlwaysHugePages&) = delete;
  AlwaysHugePages& operator=(const AlwaysHugePages&) = delete;
  ~AlwaysHugePages() {
    if (on_ && before_ != "always") std::ofstream(kPath) << before_;
  }

  bool on() const { return on_; }

 private:
  static constexpr const char* kPath =
      "/sys/kernel/mm/transparent_hugepage/enabled";
  std::string before_;
  bool on_ = false;
};

TEST(HugePagesTest, TenValuesAreInNoHugePage) {
#if defined(ABSL_HAVE_ADDRESS_SANITIZER) || defined(ABSL_HAVE_THREAD_SANITIZER)
  GTEST_SKIP() << "the address space is the sanitizer's";
#endif
  const AlwaysHugePages always;
  if (!always.on()) GTEST_SKIP() << "transparent huge pages cannot be set";
  for (const uint64_t max_slots : {uint64_t{1024}, TableOptions().max_slots}) {
    const std::string said = InChild([&](ChildReport& report) {
      const MemoryMaps before = MemoryMaps::Now();
      TableOptions options;
      options.max_slots = max_slots;
      auto table = HandleTable<uint64_t>::Create(options);
      for (uint64_t i = 0; i < 10; ++i) {
        if (!table->Pin(i)) report.Say("refused");
      }
      const MemoryMaps after = MemoryMaps::Now();
      const auto at_most = [&](const char* what, uint64_t bytes,
                               uint64_t most) {
        report.Expect(bytes <= most, std::string(what) + ": " +
                                         std::to_string(bytes >> 10) + " KiB");
      };
      at_most("huge", after.huge - before.huge, 0);
      at_most("dirty", after.dirty - before.dirty, 256 << 10);
      at_most("touched", table->GetStats().bytes_touched, 128 << 10);
    });
    EXPECT_EQ(said, "") << max_slots << " slots";
  }
}

TEST(HugePagesTest, OnlyALargeTableAsksForThemAndItTakesLittleMore) {
#if defined(ABSL_HAVE_ADDRESS_SANITIZER) || defined(ABSL_HAVE_THREAD_SANITIZER)
  GTEST_SKIP() << "the address space is the sanitizer's";
#endif
  if (!std::ifstream("/sys/kernel/mm/transparent_hugepage/enabled")) {
    GTEST_SKIP() << "the system has no transparent huge pages";
  }
  for (const uint64_t values : {100'000u, 530'000u, 1'050'000u, 3'000'000u}) {
    const std::string said = InChild([&](ChildReport& report) {
      const MemoryMaps before = MemoryMaps::Now();
      auto table = HandleTable<uint64_t>::Create();
      for (uint64_t i = 0; i < values; ++i) {
        if (!table->Pin(i)) return report.Say("refused");
      }
      const MemoryMaps after = MemoryMaps::Now();
      const uint64_t used = 16 * values;
      const uint64_t dirty = after.dirty - before.dirty;
      report.Expect(dirty <= used + used / 4 + (256 << 10),
                    "dirty: " + std::to_string(dirty >> 10) + " KiB");
      const uint64_t asked = after.asked_huge - before.asked_huge;
      const bool is_large = values >= 1'000'000;
      report.Expect(values > 100'000 || asked == 0, "a small table asks");
      report.Expect(!is_large || asked >= used / 4,
                    "asked for: " + std::to_string(asked >> 10) + " KiB");
    });
    EXPECT_EQ(said, "") << values << " values";
  }
}

}  // namespace
}  // namespace holdfast
