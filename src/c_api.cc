// The functions of c_api.h that create tables, and those for names, texts and
// options. The others are in c_api_verbs.cc.

#include "holdfast/c_api.h"

#include <algorithm>
#include <cinttypes>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <new>

#include "c_api_tables.h"
#include "holdfast/diagnosis.h"
#include "holdfast/internal/creation_error.h"
#include "holdfast/options.h"
#include "holdfast/reservations.h"
#include "holdfast/traits.h"

namespace holdfast::internal {
namespace {

constexpr hf_options kDefaultOptions = HF_OPTIONS_INIT;

// The constants of hf_state equal those of HandleState.
static_assert(HF_STATE_NULL == static_cast<int>(HandleState::kNull) &&
              HF_STATE_FOREIGN == static_cast<int>(HandleState::kForeign) &&
              HF_STATE_NEVER_ISSUED ==
                  static_cast<int>(HandleState::kNeverIssued) &&
              HF_STATE_LIVE == static_cast<int>(HandleState::kLive) &&
              HF_STATE_STALE == static_cast<int>(HandleState::kStale) &&
              HF_STATE_RETIRED == static_cast<int>(HandleState::kRetired));

// HF_OPTIONS_INIT has the defaults of TableOptions.
static_assert(kDefaultOptions.max_slots == TableOptions().max_slots &&
              kDefaultOptions.thread_cache_slots ==
                  TableOptions().thread_cache_slots);

constexpr auto kInvalid = CreationError::Code::kInvalidArgument;

// Copies `*given` to `*options`, or the defaults if `given` is null. The caller
// may have been compiled with an earlier or a later version of hf_options.
// Members that this version does not know must be zero.
CreationError CopyOptions(const hf_options* given, hf_options* options) {
  *options = kDefaultOptions;
  if (given == nullptr) return {};
  const size_t bytes = given->struct_bytes;
  constexpr size_t kFirstVersion = offsetof(hf_options, key) + sizeof(uint64_t);
  // A larger number is not the size of any version: the caller has not
  // initialized the options.
  constexpr size_t kMost = 4096;
  if (bytes < kFirstVersion || bytes > kMost) {
    return MakeCreationError(kInvalid,
                             "hf_options::struct_bytes is %" PRIu64
                             ", must be between %" PRIu64 " and %" PRIu64,
                             uint64_t{bytes}, uint64_t{kFirstVersion},
                             uint64_t{kMost});
  }
  const auto* const at = reinterpret_cast<const unsigned char*>(given);
  for (size_t i = sizeof(hf_options); i < bytes; ++i) {
    if (at[i] != 0) {
      return MakeCreationError(
          kInvalid,
          "hf_options sets a member that this version of the library does not "
          "have, at byte %" PRIu64,
          uint64_t{i});
    }
  }
  std::memcpy(options, given, std::min(bytes, sizeof(hf_options)));
  return {};
}

// Returns a new table, or null and sets `*error`.
template <typename Pass>
typename Pass::Table* New(const hf_options& given, CreationError* error) {
  TableOptions options;
  options.max_slots = given.max_slots;
  options.thread_cache_slots = given.thread_cache_slots;
  if (given.has_key != 0) options.key = given.key;
  switch (given.handle_bits) {
    case 63:
    case 53:
      return CTableOf<Pass, DefaultTraits>::New(
          options, static_cast<int>(given.handle_bits), error);
    case 32:
      return CTableOf<Pass, NarrowTraits>::New(options, 32, error);
    default:
      *error = MakeCreationError(kInvalid,
                                 "hf_options::handle_bits is %" PRIu32
                                 ", must be 63, 53 or 32",
                                 given.handle_bits);
      return nullptr;
  }
}

// Returns a new table whose values have the smallest of the sizes kBytes,
// kMore... that holds `value_bytes`, or null and sets `*error`.
template <size_t kBytes, size_t... kMore>
hf_bytes_table* NewBytes(size_t value_bytes, const hf_options& options,
                         CreationError* error) {
  if constexpr (sizeof...(kMore) != 0) {
    if (value_bytes > kBytes) {
      return NewBytes<kMore...>(value_bytes, options, error);
    }
  }
  hf_bytes_table* const table = New<PassBytes<kBytes>>(options, error);
  if (table != nullptr) table->value_bytes = value_bytes;
  return table;
}

hf_bytes_table* NewBytesTable(size_t value_bytes, const hf_options& options,
                              CreationError* error) {
  if (value_bytes >= 1 && value_bytes <= 64) {
    return NewBytes<4, 8, 16, 24, 32, 48, 64>(value_bytes, options, error);
  }
  *error = MakeCreationError(
      kInvalid, "value_bytes is %" PRIu64 ", must be between 1 and 64",
      uint64_t{value_bytes});
  return nullptr;
}

// Does what hf_table_create and hf_bytes_table_create have in common.
// make(options, &error) must return a table, or return null and set the error.
template <typename Table, typename Make>
hf_status Create(const hf_options* given, Table** table, char* message,
                 size_t message_bytes, Make make) {
  CreationError error;
  if (table == nullptr) {
    error = MakeCreationError(kInvalid, "table is null");
  } else {
    *table = nullptr;
    try {
      hf_options options;
      error = CopyOptions(given, &options);
      if (error.ok()) *table = make(options, &error);
    } catch (const std::bad_alloc&) {
      error = MakeCreationError(CreationError::Code::kResourceExhausted,
                                "no memory is left");
    }
  }
  CopyText(error.message, message, message_bytes);
  switch (error.code) {
    case CreationError::Code::kNone:
      return HF_OK;
    case kInvalid:
      return HF_INVALID_ARGUMENT;
    case CreationError::Code::kResourceExhausted:
      break;
  }
  return HF_RESOURCE_EXHAUSTED;
}

}  // namespace
}  // namespace holdfast::internal

namespace internal = holdfast::internal;

// --- Names and options -------------------------------------------------------

const char* hf_status_name(hf_status status) {
  switch (status) {
    case HF_OK:
      return "HF_OK";
    case HF_NOT_LIVE:
      return "HF_NOT_LIVE";
    case HF_FULL:
      return "HF_FULL";
    case HF_STOPPED:
      return "HF_STOPPED";
    case HF_INVALID_ARGUMENT:
      return "HF_INVALID_ARGUMENT";
    case HF_RESOURCE_EXHAUSTED:
      return "HF_RESOURCE_EXHAUSTED";
    case HF_DIFFERENT:
      return "HF_DIFFERENT";
    case HF_UNSUPPORTED:
      return "HF_UNSUPPORTED";
  }
  return "unknown";
}

const char* hf_status_text(hf_status status) {
  switch (status) {
    case HF_OK:
      return "done";
    case HF_NOT_LIVE:
      return "the handle is not live";
    case HF_FULL:
      return "no slot is left, or the system refuses memory for it";
    case HF_STOPPED:
      return "the callback has ended the walk";
    case HF_INVALID_ARGUMENT:
      return "an argument is null, or an option is out of range";
    case HF_RESOURCE_EXHAUSTED:
      return "the system refuses memory";
    case HF_DIFFERENT:
      return "the value is not the expected one";
    case HF_UNSUPPORTED:
      return "values of this size cannot be compared on this processor";
  }
  return "unknown";
}

const char* hf_state_name(hf_state state) {
  return holdfast::HandleStateName(static_cast<holdfast::HandleState>(state));
}

const char* hf_state_text(hf_state state) {
  switch (state) {
    case HF_STATE_NULL:
      return "the null handle";
    case HF_STATE_FOREIGN:
      return "not a handle of this table";
    case HF_STATE_NEVER_ISSUED:
      return "never issued by this table";
    case HF_STATE_LIVE:
      return "live";
    case HF_STATE_STALE:
      return "unpinned";
    case HF_STATE_RETIRED:
      return "unpinned, and its slot has served all its lives";
  }
  return "unknown";
}

void hf_options_init(hf_options* options, size_t options_bytes) {
  if (options == nullptr) return;
  const size_t known = std::min(options_bytes, sizeof(*options));
  std::memcpy(options, &internal::kDefaultOptions, known);
  std::memset(reinterpret_cast<unsigned char*>(options) + known, 0,
              options_bytes - known);
  const uint32_t struct_bytes = static_cast<uint32_t>(options_bytes);
  std::memcpy(options, &struct_bytes,
              std::min(options_bytes, sizeof(struct_bytes)));
}

// --- Creation ----------------------------------------------------------------

hf_status hf_table_create(const hf_options* options, hf_table** table,
                          char* message, size_t message_bytes) {
  return internal::Create(options, table, message, message_bytes,
                          &internal::New<internal::PassNumber>);
}

hf_status hf_bytes_table_create(size_t value_bytes, const hf_options* options,
                                hf_bytes_table** table, char* message,
                                size_t message_bytes) {
  return internal::Create(
      options, table, message, message_bytes,
      [value_bytes](const hf_options& all, internal::CreationError* error) {
        return internal::NewBytesTable(value_bytes, all, error);
      });
}

size_t hf_release_kept_reservations() {
  return holdfast::ReleaseKeptReservations();
}

size_t hf_stop_keeping_reservations() {
  return holdfast::StopKeepingReservations();
}

size_t hf_bytes_table_value_bytes(const hf_bytes_table* table) {
  return table != nullptr ? table->value_bytes : 0;
}
