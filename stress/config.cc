#include "config.h"

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

namespace holdfast::stress {
namespace {

// clang-format off
constexpr Mix kMixes[] = {
  // name       read-own shared  write exchange  churn stale foreign contend walk clear
  {"balanced", {20'000, 20'000, 15'000, 10'000, 20'000, 4'000, 1'000, 10'000, 40,  0}},
  {"churn",    { 5'000,  5'000,  2'000,  2'000, 75'000, 6'000, 1'000,  4'000, 20,  0}},
  {"read",     {44'000, 44'000,  3'000,  2'000,  3'000, 1'000, 1'000,  2'000, 40,  0}},
  {"write",    {15'000, 20'000, 38'000, 20'000,  3'000, 1'000, 1'000,  2'000, 20,  0}},
  {"handover", { 2'000,  3'000,  1'000,  1'000,  5'000, 4'000, 1'000, 83'000, 20,  0}},
  {"clear",    {15'000, 10'000, 10'000, 10'000, 50'000, 4'000, 1'000,      0, 20, 20}},
};
// clang-format on

absl::Status Bad(absl::string_view flag, absl::string_view value,
                 absl::string_view allowed) {
  return absl::InvalidArgumentError(
      absl::StrCat("--", flag, "=", value, ": must be ", allowed));
}

}  // namespace

const Mix* FindMix(absl::string_view name) {
  for (const Mix& mix : kMixes) {
    if (name == mix.name) return &mix;
  }
  return nullptr;
}

std::string MixNames() {
  std::string names;
  for (const Mix& mix : kMixes) {
    absl::StrAppend(&names, names.empty() ? "" : ", ", mix.name);
  }
  return names;
}

absl::Status Validate(const Config& config) {
  const bool soak = config.check == kInvariants;
  if (!soak && config.check != kLinearizability) {
    return Bad("check", config.check,
               absl::StrCat(kInvariants, " or ", kLinearizability));
  }
  if (config.threads < 1 || config.threads > 64) {
    return Bad("threads", absl::StrCat(config.threads), "1 to 64");
  }
  if (!(config.seconds >= 0.1 && config.seconds <= 1e7)) {
    return Bad("seconds", absl::StrCat(config.seconds), "0.1 to 10000000");
  }
  if (FindMix(config.mix) == nullptr) {
    return Bad("mix", config.mix, absl::StrCat("one of ", MixNames()));
  }
  if (!soak && config.mix != Config().mix) {
    return Bad("mix", config.mix,
               absl::StrCat("left out with --check=", config.check));
  }
  const uint32_t bytes = config.value_bytes;
  if (bytes != 4 && bytes != 8 && bytes != 16 && bytes != 24 && bytes != 64) {
    return Bad("value_bytes", absl::StrCat(bytes), "4, 8, 16, 24 or 64");
  }
  if (config.thread_cache_slots > 4096) {
    return Bad("thread_cache_slots", absl::StrCat(config.thread_cache_slots),
               "0 to 4096");
  }
  if (config.max_slots < 16 || config.max_slots > uint64_t{1} << 20) {
    return Bad("max_slots", absl::StrCat(config.max_slots), "16 to 1048576");
  }
  const int bits = config.generation_bits;
  if (bits != 3 && bits != 8 && bits != 32) {
    return Bad("generation_bits", absl::StrCat(bits), "3, 8 or 32");
  }
  return absl::OkStatus();
}

std::string CommandLine(const Config& config) {
  return absl::StrCat(
      "stress --check=", config.check, " --threads=", config.threads,
      " --seconds=", config.seconds, " --seed=", config.seed,
      " --mix=", config.mix, " --value_bytes=", config.value_bytes,
      " --thread_cache_slots=", config.thread_cache_slots,
      " --max_slots=", config.max_slots,
      " --generation_bits=", config.generation_bits);
}

}  // namespace holdfast::stress
