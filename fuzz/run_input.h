// Runs one input: its first bytes choose the table, the rest are operations.

#ifndef HOLDFAST_FUZZ_RUN_INPUT_H_
#define HOLDFAST_FUZZ_RUN_INPUT_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <tuple>

#include "byte_reader.h"
#include "holdfast/handle_table.h"
#include "operations.h"
#include "tests/support/fake_threads.h"
#include "tests/support/test_values.h"

namespace holdfast::fuzz {

// As the library, with so few shards that a table is cheap to create.
template <int kBits, size_t kSize>
struct OneThread {
  struct Traits : DefaultTraits {
    static constexpr int kGenerationBits = kBits;
    static constexpr uint32_t kMaxThreads = 4;
  };
  using Table = HandleTable<TestValue<kSize>, Traits>;
  static constexpr bool kPlayed = false;
};

// One thread plays several, of which the first three have a shard.
template <int kBits, size_t kSize>
struct SeveralThreads {
  struct Traits : DefaultTraits {
    static constexpr int kGenerationBits = kBits;
    static constexpr uint32_t kMaxThreads = 3;
    using Threads = FakeThreads;
  };
  using Table = HandleTable<TestValue<kSize>, Traits>;
  static constexpr bool kPlayed = true;
};

struct AsItIs {
  using Table = HandleTable<uint64_t>;
  static constexpr bool kPlayed = false;
};

// An input names them by their position: append only, as to the opcodes.
using Configs =
    std::tuple<OneThread<3, 4>, OneThread<3, 8>, OneThread<2, 16>,
               OneThread<5, 64>, OneThread<8, 1>, OneThread<32, 4>,
               OneThread<32, 8>, OneThread<32, 16>, OneThread<32, 24>,
               OneThread<32, 64>, OneThread<48, 2>, AsItIs,
               SeveralThreads<3, 8>, SeveralThreads<4, 4>,
               SeveralThreads<32, 24>, SeveralThreads<32, 4>>;

// Returns what was not as it should be, or an empty string.
class InputRunner {
 public:
  static std::string Run(const uint8_t* data, size_t size) {
    return Choose(ByteReader(data, size), static_cast<Configs*>(nullptr));
  }

 private:
  template <typename... Config>
  static std::string Choose(ByteReader bytes, std::tuple<Config...>*) {
    using RunWith = std::string (*)(ByteReader);
    static constexpr RunWith kRunWith[] = {&With<Config>...};
    const uint8_t config = bytes.Byte();
    return kRunWith[config % sizeof...(Config)](bytes);
  }

  template <typename Config>
  static std::string With(ByteReader bytes) {
    TableOptions options;
    const uint8_t slots = bytes.Byte();
    // Small mostly. A thread keeps max_slots / 16 at most.
    options.max_slots = slots < 192 ? slots % 64u + 1 : (slots - 191u) * 16;
    static constexpr uint32_t kCaches[] = {0, 1, 2, 64};
    const uint8_t cache = bytes.Byte();
    options.thread_cache_slots = kCaches[cache % 4];
    // Few enough that some threads find none.
    FakeThreads::Reset(/*capacity=*/cache / 4 % 6 + 1);
    return Operations<typename Config::Table, Config::kPlayed>(options, bytes)
        .Run();
  }
};

}  // namespace holdfast::fuzz

#endif  // HOLDFAST_FUZZ_RUN_INPUT_H_
