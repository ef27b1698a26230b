// Goal: even if transparent huge pages are set to "always", a small table is in
// no huge page: it takes only the few pages that it uses.
//
// Method: the test sets the system to "always" for a moment, if it may.

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

}  // namespace
}  // namespace holdfast
