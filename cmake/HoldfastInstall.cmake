# Headers, libraries, and packages for find_package and pkg-config.

include(CMakePackageConfigHelpers)

foreach(header IN LISTS HOLDFAST_HEADERS HOLDFAST_C_HEADERS)
  get_filename_component(folder "${header}" DIRECTORY)
  string(REGEX REPLACE "^include/" "" folder "${folder}")
  install(FILES "${header}"
          DESTINATION "${CMAKE_INSTALL_INCLUDEDIR}/${folder}")
endforeach()

# From the folder of the .pc files, so that a tree may be moved.
set(holdfast_pc_folder "${CMAKE_INSTALL_LIBDIR}/pkgconfig")
if(IS_ABSOLUTE "${CMAKE_INSTALL_LIBDIR}")
  set(holdfast_pc_prefix "${CMAKE_INSTALL_PREFIX}")
  set(holdfast_pc_libdir "${CMAKE_INSTALL_LIBDIR}")
else()
  file(RELATIVE_PATH holdfast_pc_prefix "/${holdfast_pc_folder}" "/")
  string(REGEX REPLACE "/$" "" holdfast_pc_prefix "${holdfast_pc_prefix}")
  string(PREPEND holdfast_pc_prefix "\${pcfiledir}/")
  set(holdfast_pc_libdir "\${prefix}/${CMAKE_INSTALL_LIBDIR}")
endif()
if(IS_ABSOLUTE "${CMAKE_INSTALL_INCLUDEDIR}")
  set(holdfast_pc_includedir "${CMAKE_INSTALL_INCLUDEDIR}")
else()
  set(holdfast_pc_includedir "\${prefix}/${CMAKE_INSTALL_INCLUDEDIR}")
endif()

# For programs in C that link the static library.
set(holdfast_pc_cxx)
foreach(library stdc++ c++)
  if(library IN_LIST CMAKE_CXX_IMPLICIT_LINK_LIBRARIES)
    set(holdfast_pc_cxx "-l${library}")
  endif()
endforeach()

set(holdfast_config_folder "${CMAKE_INSTALL_LIBDIR}/cmake/holdfast")
foreach(target IN LISTS holdfast_targets)
  install(
    TARGETS ${target}
    EXPORT ${target}Targets
    ARCHIVE DESTINATION "${CMAKE_INSTALL_LIBDIR}"
    LIBRARY DESTINATION "${CMAKE_INSTALL_LIBDIR}"
    RUNTIME DESTINATION "${CMAKE_INSTALL_BINDIR}")
  install(
    EXPORT ${target}Targets
    NAMESPACE holdfast::
    DESTINATION "${holdfast_config_folder}")

  # What a user of the static library must link in addition, pkg-config tells
  # without --static if there is no other.
  get_target_property(type ${target} TYPE)
  set(holdfast_pc_libs "-pthread")
  if(target STREQUAL "holdfast_c")
    string(APPEND holdfast_pc_libs " ${holdfast_pc_cxx}")
  endif()
  set(holdfast_pc_private_libs)
  if(type STREQUAL "SHARED_LIBRARY")
    set(holdfast_pc_private_libs "${holdfast_pc_libs}")
    set(holdfast_pc_libs)
  endif()
  configure_file("${CMAKE_CURRENT_LIST_DIR}/${target}.pc.in"
                 "${PROJECT_BINARY_DIR}/${target}.pc" @ONLY)
  install(FILES "${PROJECT_BINARY_DIR}/${target}.pc"
          DESTINATION "${holdfast_pc_folder}")
endforeach()

configure_package_config_file(
  "${CMAKE_CURRENT_LIST_DIR}/holdfastConfig.cmake.in"
  "${PROJECT_BINARY_DIR}/holdfastConfig.cmake"
  INSTALL_DESTINATION "${holdfast_config_folder}"
  NO_SET_AND_CHECK_MACRO)
write_basic_package_version_file(
  "${PROJECT_BINARY_DIR}/holdfastConfigVersion.cmake"
  COMPATIBILITY SameMinorVersion)
install(FILES "${PROJECT_BINARY_DIR}/holdfastConfig.cmake"
              "${PROJECT_BINARY_DIR}/holdfastConfigVersion.cmake"
        DESTINATION "${holdfast_config_folder}")
