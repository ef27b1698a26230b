// The requirements of a table on its values. Each static_assert names one of
// them. A compiler reports the first that is not met before other errors.

#ifndef HOLDFAST_INTERNAL_VALUE_REQUIREMENTS_H_
#define HOLDFAST_INTERNAL_VALUE_REQUIREMENTS_H_

#include <type_traits>

namespace holdfast::internal {

template <typename T>
struct ValueRequirements {
  static_assert(!std::is_reference_v<T>,
                "HandleTable<T>: T must not be a reference; pin a pointer");
  static_assert(std::is_object_v<T> && !std::is_array_v<T>,
                "HandleTable<T>: T must not be void, a function or an array; "
                "put an array into a struct");
  static_assert(!std::is_const_v<T> && !std::is_volatile_v<T>,
                "HandleTable<T>: T must not be const or volatile, since Write "
                "replaces the value; leave the qualifier out");
  static_assert(std::is_trivially_copyable_v<T>,
                "HandleTable<T>: T must be trivially copyable, since reads "
                "copy it while other threads may replace it");
  static_assert(std::is_convertible_v<const T&, T> &&
                    std::is_convertible_v<T, T>,
                "HandleTable<T>: T must be copy constructible, and not only "
                "explicitly, since Read returns a copy");
  static_assert(sizeof(T) >= 1 && sizeof(T) <= 64,
                "HandleTable<T>: T must have 1 to 64 bytes; pin a pointer or "
                "an index to something larger");

  static constexpr bool kMet = true;
};

}  // namespace holdfast::internal

#endif  // HOLDFAST_INTERNAL_VALUE_REQUIREMENTS_H_
