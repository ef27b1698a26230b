// The tables of the C interface. C callers choose the Traits of a table and the
// size of its values at run time, and HandleTable has them as template
// parameters. So each table of the C interface is a HandleTable behind virtual
// functions. hf_table and hf_bytes_table are abstract classes; CTableOf has the
// one implementation of both.

#ifndef HOLDFAST_SRC_C_API_TABLES_H_
#define HOLDFAST_SRC_C_API_TABLES_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <new>
#include <optional>
#include <type_traits>
#include <utility>

#include "holdfast/c_api.h"
#include "holdfast/compared.h"
#include "holdfast/diagnosis.h"
#include "holdfast/handle_table_verbs.h"
#include "holdfast/internal/creation_error.h"
#include "holdfast/options.h"
#include "holdfast/traits.h"

namespace holdfast::internal {

// The Traits of tables whose handles have 32 bits. Others have DefaultTraits.
struct NarrowTraits : DefaultTraits {
  static constexpr int kHandleBits = 32;
  static constexpr int kGenerationBits = 16;
};

inline hf_status LiveStatus(bool is_live) {
  return is_live ? HF_OK : HF_NOT_LIVE;
}

inline hf_status ToStatus(Compared compared) {
  switch (compared) {
    case Compared::kEqual:
      return HF_OK;
    case Compared::kDifferent:
      return HF_DIFFERENT;
    default:
      return HF_NOT_LIVE;
  }
}

// Copies `from` to `text`, of `bytes` bytes, and returns the length of `from`,
// as snprintf does. Writes nothing if `text` is null.
inline size_t CopyText(const char* from, char* text, size_t bytes) {
  if (text == nullptr) bytes = 0;
  return static_cast<size_t>(std::snprintf(text, bytes, "%s", from));
}

// --- Functions that pass no value --------------------------------------------

class CTable {
 public:
  CTable() = default;
  CTable(const CTable&) = delete;
  CTable& operator=(const CTable&) = delete;
  virtual ~CTable() = default;

  virtual bool Contains(hf_handle handle) const noexcept = 0;
  virtual hf_status Unpin(hf_handle handle) noexcept = 0;
  virtual size_t UnpinMany(const hf_handle* handles, size_t count) noexcept = 0;
  virtual uint64_t UnpinAll() noexcept = 0;
  virtual uint64_t UnpinAllExclusive() noexcept = 0;
  virtual Diagnosis Diagnose(hf_handle handle) const noexcept = 0;
  virtual ShortText ToText(hf_handle handle) const noexcept = 0;
  virtual TableStats GetStats() const noexcept = 0;
  virtual hf_status IndexOf(hf_handle handle,
                            uint32_t* index) const noexcept = 0;
  virtual hf_handle HandleAt(uint32_t index) const noexcept = 0;
  virtual uint64_t IndexLimit() const noexcept = 0;
};

// --- Functions that pass values: as In to the table, as Out from it ----------

template <typename In, typename Out>
class CValueTable : public CTable {
 public:
  using Visit = int(void* context, hf_handle handle, In value);
  using Update = int(void* context, hf_handle handle, Out value);
  using ConstOut = const std::remove_pointer_t<Out>*;

  virtual hf_status Pin(In value, hf_handle* handle) noexcept = 0;
  virtual hf_status Read(hf_handle handle, Out value) const noexcept = 0;
  virtual hf_status Write(hf_handle handle, In value) noexcept = 0;
  virtual hf_status Exchange(hf_handle handle, In value, Out old) noexcept = 0;
  virtual hf_status CompareExchange(hf_handle handle, Out expected,
                                    In desired) noexcept = 0;
  virtual hf_status UnpinIf(hf_handle handle, In expected) noexcept = 0;
  virtual hf_status Take(hf_handle handle, Out value) noexcept = 0;

  // These pass `count` values, one after the other.
  virtual size_t PinMany(ConstOut values, size_t count,
                         hf_handle* handles) noexcept = 0;
  virtual size_t ReadMany(const hf_handle* handles, size_t count, Out values,
                          bool* live) const noexcept = 0;

  // Exceptions of the callbacks leave these two.
  virtual hf_status ForEach(Visit* visit, void* context) const = 0;
  virtual hf_status ForEachExclusive(Update* update, void* context) = 0;
};

template <typename In>
class CWalk {
 public:
  using Visit = int(void* context, hf_handle handle, In value);

  CWalk() = default;
  CWalk(const CWalk&) = delete;
  CWalk& operator=(const CWalk&) = delete;
  virtual ~CWalk() = default;

  virtual void Restart() noexcept = 0;
  virtual hf_status Work(Visit* visit, void* context) = 0;
};

}  // namespace holdfast::internal

// The types that c_api.h declares.

struct hf_walk : holdfast::internal::CWalk<uint64_t> {};
struct hf_bytes_walk : holdfast::internal::CWalk<const void*> {};

struct hf_table : holdfast::internal::CValueTable<uint64_t, uint64_t*> {
  // Returns null if there is no memory.
  virtual hf_walk* NewWalk() const noexcept = 0;
};

struct hf_bytes_table : holdfast::internal::CValueTable<const void*, void*> {
  virtual hf_bytes_walk* NewWalk() const noexcept = 0;
  size_t value_bytes = 0;
};

namespace holdfast::internal {

// --- How values are passed ---------------------------------------------------

// The table's values are of type Value. In and Out convert between Value and
// what C functions pass, At returns the place of the i-th of several values,
// and Show and ShowMutable convert to what callbacks get.
struct PassNumber {
  using Value = uint64_t;
  using Table = hf_table;
  using Walk = hf_walk;

  static uint64_t In(const Table&, uint64_t value) { return value; }
  static uint64_t In(const Table&, const uint64_t* value) { return *value; }
  static void Out(const Table&, uint64_t value, uint64_t* out) { *out = value; }
  static const uint64_t* At(const Table&, const uint64_t* values, size_t i) {
    return values + i;
  }
  static uint64_t* At(const Table&, uint64_t* values, size_t i) {
    return values + i;
  }
  static uint64_t Show(const uint64_t& value) { return value; }
  static uint64_t* ShowMutable(uint64_t& value) { return &value; }
};

// For values of up to kBytes bytes. With kBytes = 8, Value is uint64_t, so that
// these tables share the code of HandleTable with those of PassNumber.
template <size_t kBytes>
struct PassBytes {
  struct Words {
    uint64_t words[kBytes / 8 + (kBytes < 8)];
  };
  using Value =
      std::conditional_t<kBytes == 4, uint32_t,
                         std::conditional_t<kBytes == 8, uint64_t, Words>>;
  static_assert(sizeof(Value) == kBytes);
  using Table = hf_bytes_table;
  using Walk = hf_bytes_walk;

  // The bytes of the result beyond value_bytes are zero.
  static Value In(const Table& table, const void* in) {
    Value value = {};
    std::memcpy(&value, in, table.value_bytes);
    return value;
  }
  static void Out(const Table& table, const Value& value, void* out) {
    std::memcpy(out, &value, table.value_bytes);
  }
  static const void* At(const Table& table, const void* values, size_t i) {
    return static_cast<const char*>(values) + i * table.value_bytes;
  }
  static void* At(const Table& table, void* values, size_t i) {
    return static_cast<char*>(values) + i * table.value_bytes;
  }
  static const void* Show(const Value& value) { return &value; }
  static void* ShowMutable(Value& value) { return &value; }
};

inline Step ToStep(int result) {
  return result == 0 ? Step::kNext : Step::kStop;
}

// --- Tables and walks --------------------------------------------------------

template <typename Table, typename Pass>
class CWalkOf final : public Pass::Walk {
  using Visit = typename Pass::Walk::Visit;

 public:
  explicit CWalkOf(const Table& table) : table_(table) { walk_.emplace(table); }

  void Restart() noexcept override { walk_.emplace(table_); }

  hf_status Work(Visit* visit, void* context) override {
    const auto fn = [&](typename Table::Handle handle,
                        const typename Table::value_type& value) {
      return ToStep(visit(context, handle.bits(), Pass::Show(value)));
    };
    return walk_->Work(fn) ? HF_OK : HF_STOPPED;
  }

 private:
  const Table& table_;
  std::optional<typename Table::ParallelForEach> walk_;
};

template <typename Pass, typename Traits>
class CTableOf final : public Pass::Table {
  using Value = typename Pass::Value;
  using Inner = HandleTable<Value, Traits>;
  using Handle = typename Inner::Handle;
  using In = decltype(Pass::Show(std::declval<const Value&>()));
  using Out = decltype(Pass::ShowMutable(std::declval<Value&>()));
  using ConstOut = typename Pass::Table::ConstOut;
  using Visit = typename Pass::Table::Visit;
  using Update = typename Pass::Table::Update;

 public:
  // Returns a new table, or null and sets `*error`. `handle_bits` is as for
  // HandleTable::Make.
  static typename Pass::Table* New(const TableOptions& options, int handle_bits,
                                   CreationError* error) {
    Inner table = Inner::Make(options, error, handle_bits);
    if (!error->ok()) return nullptr;
    auto* const made = new (std::nothrow) CTableOf(std::move(table));
    if (made == nullptr) {
      *error = MakeCreationError(CreationError::Code::kResourceExhausted,
                                 "no memory is left");
    }
    return made;
  }

  bool Contains(hf_handle handle) const noexcept override {
    return table_.Contains(Handle::FromBits(handle));
  }
  hf_status Unpin(hf_handle handle) noexcept override {
    return LiveStatus(table_.Unpin(Handle::FromBits(handle)));
  }
  size_t UnpinMany(const hf_handle* handles, size_t count) noexcept override {
    size_t ended = 0;
    ForBlocks(handles, count, [&](size_t, const Handle* block, size_t size) {
      ended += table_.UnpinMany(block, size);
    });
    return ended;
  }
  uint64_t UnpinAll() noexcept override { return table_.UnpinAll(); }
  uint64_t UnpinAllExclusive() noexcept override {
    return table_.UnpinAllExclusive();
  }
  Diagnosis Diagnose(hf_handle handle) const noexcept override {
    return table_.Diagnose(Handle::FromBits(handle));
  }
  ShortText ToText(hf_handle handle) const noexcept override {
    return table_.ToText(Handle::FromBits(handle));
  }
  TableStats GetStats() const noexcept override { return table_.GetStats(); }
  hf_status IndexOf(hf_handle handle, uint32_t* index) const noexcept override {
    const auto found = table_.IndexOf(Handle::FromBits(handle));
    if (found.has_value()) *index = *found;
    return LiveStatus(found.has_value());
  }
  hf_handle HandleAt(uint32_t index) const noexcept override {
    return table_.HandleAt(index).bits();
  }
  uint64_t IndexLimit() const noexcept override { return table_.IndexLimit(); }

  hf_status Pin(In value, hf_handle* handle) noexcept override {
    *handle = table_.Pin(Pass::In(*this, value)).bits();
    return *handle != HF_NULL_HANDLE ? HF_OK : HF_FULL;
  }
  hf_status Read(hf_handle handle, Out value) const noexcept override {
    return Give(table_.Read(Handle::FromBits(handle)), value);
  }
  hf_status Write(hf_handle handle, In value) noexcept override {
    return LiveStatus(
        table_.Write(Handle::FromBits(handle), Pass::In(*this, value)));
  }
  hf_status Exchange(hf_handle handle, In value, Out old) noexcept override {
    return Give(
        table_.Exchange(Handle::FromBits(handle), Pass::In(*this, value)), old);
  }
  hf_status CompareExchange([[maybe_unused]] hf_handle handle,
                            [[maybe_unused]] Out expected,
                            [[maybe_unused]] In desired) noexcept override {
    if constexpr (Inner::kComparesValues) {
      Value value = Pass::In(*this, expected);
      const Compared compared = table_.CompareExchange(
          Handle::FromBits(handle), &value, Pass::In(*this, desired));
      if (compared == Compared::kDifferent) Pass::Out(*this, value, expected);
      return ToStatus(compared);
    } else {
      return HF_UNSUPPORTED;
    }
  }
  hf_status UnpinIf([[maybe_unused]] hf_handle handle,
                    [[maybe_unused]] In expected) noexcept override {
    if constexpr (Inner::kComparesValues) {
      return ToStatus(
          table_.UnpinIf(Handle::FromBits(handle), Pass::In(*this, expected)));
    } else {
      return HF_UNSUPPORTED;
    }
  }
  hf_status Take(hf_handle handle, Out value) noexcept override {
    return Give(table_.Take(Handle::FromBits(handle)), value);
  }

  size_t PinMany(ConstOut values, size_t count,
                 hf_handle* handles) noexcept override {
    size_t pinned = 0;
    while (pinned < count) {
      const size_t size = std::min(count - pinned, kBlock);
      Value block[kBlock];
      Handle issued[kBlock];
      for (size_t i = 0; i < size; ++i) {
        block[i] = Pass::In(*this, Pass::At(*this, values, pinned + i));
      }
      const size_t more = table_.PinMany(block, size, issued);
      for (size_t i = 0; i < more; ++i) handles[pinned++] = issued[i].bits();
      if (more < size) break;
    }
    return pinned;
  }
  size_t ReadMany(const hf_handle* handles, size_t count, Out values,
                  bool* live) const noexcept override {
    size_t found = 0;
    ForBlocks(handles, count, [&](size_t at, const Handle* block, size_t size) {
      const auto give = [&](size_t i, const std::optional<Value>& value) {
        live[at + i] = value.has_value();
        if (!value.has_value()) return;
        Pass::Out(*this, *value, Pass::At(*this, values, at + i));
        ++found;
      };
      table_.ReadMany(block, size, give);
    });
    return found;
  }

  hf_status ForEach(Visit* visit, void* context) const override {
    const auto fn = [&](Handle handle, const Value& value) {
      return ToStep(visit(context, handle.bits(), Pass::Show(value)));
    };
    return table_.ForEach(fn) ? HF_OK : HF_STOPPED;
  }
  hf_status ForEachExclusive(Update* update, void* context) override {
    const auto fn = [&](Handle handle, Value& value) {
      return ToStep(update(context, handle.bits(), Pass::ShowMutable(value)));
    };
    return table_.ForEachExclusive(fn) ? HF_OK : HF_STOPPED;
  }
  typename Pass::Walk* NewWalk() const noexcept override {
    return new (std::nothrow) CWalkOf<Inner, Pass>(table_);
  }

 private:
  // Values and handles are passed on in blocks of so many.
  static constexpr size_t kBlock = 128;

  explicit CTableOf(Inner table) : table_(std::move(table)) {}

  // Calls fn(at, block, size) with handles[at] and on, as Handles.
  template <typename F>
  static void ForBlocks(const hf_handle* handles, size_t count, F fn) {
    for (size_t at = 0; at < count; at += kBlock) {
      const size_t size = std::min(count - at, kBlock);
      Handle block[kBlock];
      for (size_t i = 0; i < size; ++i) {
        block[i] = Handle::FromBits(handles[at + i]);
      }
      fn(at, block, size);
    }
  }

  hf_status Give(const std::optional<Value>& found, Out out) const noexcept {
    if (found.has_value()) Pass::Out(*this, *found, out);
    return LiveStatus(found.has_value());
  }

  Inner table_;
};

}  // namespace holdfast::internal

#endif  // HOLDFAST_SRC_C_API_TABLES_H_
