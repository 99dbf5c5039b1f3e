# SPDX-License-Identifier: Apache-2.0
# kluis_library, kluis_binary, kluis_test: one way to declare a target, so that warnings, hardening
# and sanitizers are the same everywhere.

set(KLUIS_SANITIZE "" CACHE STRING "sanitizers: 'address,undefined' or 'thread' or empty")
option(KLUIS_TOGETHER "compile sources of big libraries together: twice as fast from nothing" OFF)
option(KLUIS_FUZZ "build the fuzz targets with libFuzzer (clang)" OFF)

# What this compiler has of the hardening of release; `./check hardening` reads it back.
include(CheckCXXCompilerFlag)
include(CheckCXXSourceCompiles)
set(KLUIS_HARDENING)
foreach(flag stack-clash-protection cf-protection)
  check_cxx_compiler_flag(-f${flag} KLUIS_HAS_${flag})
  if(KLUIS_HAS_${flag})
    list(APPEND KLUIS_HARDENING -f${flag})
  endif()
endforeach()
# Writes the options that code was generated with into the binary; of clang with paths.
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  list(APPEND KLUIS_HARDENING -frecord-gcc-switches)
endif()
check_cxx_source_compiles("
  #include <features.h>
  #if !__GLIBC_PREREQ(2, 34) || !__has_builtin(__builtin_dynamic_object_size)
  #error no level 3
  #endif
  int main() {}" KLUIS_HAS_FORTIFY_3)
if(KLUIS_HAS_FORTIFY_3)
  set(KLUIS_FORTIFY 3)
else()
  set(KLUIS_FORTIFY 2)
endif()

# Of all code, also of what is generated.
add_library(kluis_hardened INTERFACE)
target_compile_options(kluis_hardened INTERFACE
  "$<$<CONFIG:Release>:-fstack-protector-strong;${KLUIS_HARDENING}>")
target_compile_definitions(kluis_hardened INTERFACE $<$<CONFIG:Release>:_FORTIFY_SOURCE=${KLUIS_FORTIFY}>)
# In every preset: what ends a release must end a test.
target_compile_definitions(kluis_hardened INTERFACE _GLIBCXX_ASSERTIONS)

add_library(kluis_flags INTERFACE)
target_link_libraries(kluis_flags INTERFACE kluis_hardened)
target_compile_options(kluis_flags INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Werror
  -fno-omit-frame-pointer -fstack-protector-strong)
target_link_options(kluis_flags INTERFACE $<$<CONFIG:Release>:-Wl,-z,relro,-z,now>)
target_include_directories(kluis_flags INTERFACE ${PROJECT_SOURCE_DIR})
if(KLUIS_SANITIZE)
  target_compile_options(kluis_flags INTERFACE -fsanitize=${KLUIS_SANITIZE} -fno-sanitize-recover=all)
  target_link_options(kluis_flags INTERFACE -fsanitize=${KLUIS_SANITIZE})
endif()
if(KLUIS_FUZZ)
  target_compile_options(kluis_flags INTERFACE -fsanitize=fuzzer-no-link)
endif()

# kluis_library(NAME [TOGETHER] SRCS a.cc ... DEPS target ...): the folder's one library, kluis::NAME.
# TOGETHER: with KLUIS_TOGETHER its sources are compiled eight at a time, so that they share the
# reading of their headers; names of their anonymous namespaces must not clash.
function(kluis_library name)
  cmake_parse_arguments(ARG "TOGETHER" "" "SRCS;DEPS" ${ARGN})
  add_library(kluis_${name} STATIC ${ARG_SRCS})
  add_library(kluis::${name} ALIAS kluis_${name})
  target_link_libraries(kluis_${name} PUBLIC ${ARG_DEPS} PRIVATE kluis_flags)
  target_include_directories(kluis_${name} PUBLIC ${PROJECT_SOURCE_DIR})
  if(ARG_TOGETHER AND KLUIS_TOGETHER)
    set_target_properties(kluis_${name} PROPERTIES UNITY_BUILD ON UNITY_BUILD_BATCH_SIZE 8)
  endif()
endfunction()

# kluis_binary(NAME SRCS main.cc DEPS target ...): bin/NAME.
function(kluis_binary name)
  cmake_parse_arguments(ARG "" "" "SRCS;DEPS" ${ARGN})
  add_executable(${name} ${ARG_SRCS} ${PROJECT_SOURCE_DIR}/cmake/build_facts.cc)
  target_link_libraries(${name} PRIVATE ${ARG_DEPS} kluis_flags)
endfunction()

# kluis_test(KIND NAME DEPS target ...): tests/KIND/NAME.cc, one ctest entry with label KIND. The tests
# of a kind that a folder declares are one program, FOLDER_KIND (KIND alone for the folder tests),
# which runs the files that it is told; it is part of the build target KIND_tests. With
# KLUIS_TOGETHER its files are compiled five at a time: each has a namespace of its own name.
# TIMEOUT in seconds (120 unless told).
function(kluis_test kind name)
  cmake_parse_arguments(ARG "" "TIMEOUT" "DEPS" ${ARGN})
  get_filename_component(folder ${CMAKE_CURRENT_SOURCE_DIR} NAME)
  set(program ${folder}_${kind})
  if(folder STREQUAL "tests")
    set(program ${kind})
  endif()
  if(NOT TARGET ${program})
    add_executable(${program} ${PROJECT_SOURCE_DIR}/tests/main.cc)
    target_link_libraries(${program} PRIVATE GTest::gmock GTest::gtest kluis_flags)
    target_compile_definitions(${program} PRIVATE KLUIS_TESTS_DIR="${PROJECT_SOURCE_DIR}/tests")
    set_target_properties(${program} PROPERTIES
      RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/tests
      UNITY_BUILD ${KLUIS_TOGETHER} UNITY_BUILD_BATCH_SIZE 5)
    if(NOT TARGET ${kind}_tests)
      add_custom_target(${kind}_tests)
    endif()
    add_dependencies(${kind}_tests ${program})
  endif()
  target_sources(${program} PRIVATE ${PROJECT_SOURCE_DIR}/tests/${kind}/${name}.cc)
  target_link_libraries(${program} PRIVATE ${ARG_DEPS})
  add_test(NAME ${name} COMMAND ${program} ${name})
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 120)
  endif()
  set_tests_properties(${name} PROPERTIES LABELS ${kind} TIMEOUT ${ARG_TIMEOUT})
endfunction()

# kluis_fuzz(NAME DEPS target ...): tests/fuzz/NAME.cc with LLVMFuzzerTestOneInput. With KLUIS_FUZZ a
# libFuzzer binary; else a test that replays tests/fuzz/corpus/NAME through tests/fuzz/replay.cc.
function(kluis_fuzz name)
  cmake_parse_arguments(ARG "" "" "DEPS" ${ARGN})
  set(sources ${PROJECT_SOURCE_DIR}/tests/fuzz/${name}.cc)
  if(NOT KLUIS_FUZZ)
    list(APPEND sources ${PROJECT_SOURCE_DIR}/tests/fuzz/replay.cc)
  endif()
  add_executable(${name} ${sources})
  target_link_libraries(${name} PRIVATE ${ARG_DEPS} kluis_flags)
  set_target_properties(${name} PROPERTIES RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/tests)
  if(KLUIS_FUZZ)
    target_link_options(${name} PRIVATE -fsanitize=fuzzer)
    if(NOT TARGET fuzz_targets)
      add_custom_target(fuzz_targets)
    endif()
    add_dependencies(fuzz_targets ${name})
  else()
    add_test(NAME ${name} COMMAND ${name} ${PROJECT_SOURCE_DIR}/tests/fuzz/corpus/${name})
    set_tests_properties(${name} PROPERTIES LABELS fuzz TIMEOUT 60)
  endif()
endfunction()

# kluis_uses_regex(KIND NAME): call in the folder that declared the test. GCC 12 takes std::regex for
# uninitialized where it is instrumented (GCC bug 105562).
function(kluis_uses_regex kind name)
  if(KLUIS_SANITIZE)
    set_source_files_properties(${PROJECT_SOURCE_DIR}/tests/${kind}/${name}.cc
      PROPERTIES COMPILE_OPTIONS -Wno-maybe-uninitialized)
  endif()
endfunction()
