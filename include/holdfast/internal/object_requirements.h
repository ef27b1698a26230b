// The requirements of a table of objects on their type. Each static_assert
// names one of them.

#ifndef HOLDFAST_INTERNAL_OBJECT_REQUIREMENTS_H_
#define HOLDFAST_INTERNAL_OBJECT_REQUIREMENTS_H_

#include <type_traits>

namespace holdfast::internal {

template <typename T, typename = void>
inline constexpr bool kIsComplete = false;
template <typename T>
inline constexpr bool kIsComplete<T, std::void_t<decltype(sizeof(T))>> = true;

template <typename T>
struct ObjectRequirements {
  static_assert(!std::is_reference_v<T>,
                "ObjectTable<T>: T must not be a reference; put in a pointer");
  static_assert(std::is_object_v<T> && !std::is_array_v<T>,
                "ObjectTable<T>: T must not be void, a function or an array; "
                "put an array into a struct");
  static_assert(!std::is_const_v<T> && !std::is_volatile_v<T>,
                "ObjectTable<T>: T must not be const or volatile; leave the "
                "qualifier out, and use a Ref as a pointer to const");
  static_assert(std::is_reference_v<T> || std::is_void_v<T> ||
                    std::is_function_v<T> || std::is_array_v<T> ||
                    kIsComplete<T>,
                "ObjectTable<T>: T must be complete, since objects lie in the "
                "table; include the header that defines it, or put in a "
                "std::unique_ptr to it");

  static constexpr bool kMet = true;
};

// What only a complete type can be asked.
template <typename T>
struct CompleteObjectRequirements {
  static_assert(std::is_nothrow_destructible_v<T>,
                "ObjectTable<T>: T's destructor must be accessible and "
                "noexcept, since it may run in any call");
  static_assert(alignof(T) <= 4096,
                "ObjectTable<T>: T must not be aligned to more than a page");

  static constexpr bool kMet = true;
};

}  // namespace holdfast::internal

#endif  // HOLDFAST_INTERNAL_OBJECT_REQUIREMENTS_H_
