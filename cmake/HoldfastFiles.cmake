# What CMake takes from files that Bazel and compilers read, too.

get_filename_component(holdfast_root "${CMAKE_CURRENT_LIST_DIR}" DIRECTORY)

# Configuration runs again when one of them changes.
set_property(
  DIRECTORY
  APPEND
  PROPERTY CMAKE_CONFIGURE_DEPENDS "${holdfast_root}/files.bzl"
           "${holdfast_root}/include/holdfast/version.h")

# Sets `result` to MAJOR.MINOR.PATCH as version.h has them.
function(holdfast_read_version result)
  set(version)
  foreach(part MAJOR MINOR PATCH)
    set(define "#define HOLDFAST_VERSION_${part} ([0-9]+)")
    file(STRINGS "${holdfast_root}/include/holdfast/version.h" line
         REGEX "^${define}$")
    if(NOT line MATCHES "^${define}$")
      message(FATAL_ERROR "version.h does not define HOLDFAST_VERSION_${part}.")
    endif()
    list(APPEND version "${CMAKE_MATCH_1}")
  endforeach()
  string(REPLACE ";" "." version "${version}")
  set(${result} "${version}" PARENT_SCOPE)
endfunction()

# Sets `result` to the files in the list `name` of files.bzl.
function(holdfast_read_files name result)
  file(READ "${holdfast_root}/files.bzl" text)
  if(NOT text MATCHES "(^|\n)${name} = \\[([^]]*)\\]\n")
    message(FATAL_ERROR "files.bzl has no list ${name}.")
  endif()
  string(REGEX MATCHALL "[^\" \n,]+" files "${CMAKE_MATCH_2}")
  set(${result} "${files}" PARENT_SCOPE)
endfunction()
