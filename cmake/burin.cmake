# Warnings live on one target, linked PRIVATE; sanitizers come from the preset (BURIN_SANITIZE).
add_library(burin_options INTERFACE)
target_compile_options(burin_options INTERFACE -Wall -Wextra -Wshadow -Wconversion -Wno-sign-conversion -Werror)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # GCC 12 at -O3 reports std::vector members of default arguments, its own AVX-512 header, and "x" + string (GCC bugs
  # 105562, 105593, 105651).
  target_compile_options(burin_options INTERFACE -Wno-maybe-uninitialized -Wno-restrict)
else()
  target_compile_options(burin_options INTERFACE -Wno-string-conversion)  # BURIN_CHECK(!"unknown kind")
endif()

set(BURIN_SANITIZE "" CACHE STRING "Sanitizers, as for -fsanitize= (address,undefined or thread)")
if(BURIN_SANITIZE)
  add_compile_options(-fsanitize=${BURIN_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${BURIN_SANITIZE})
  # GCC's ThreadSanitizer does not know fences. Asio has one around each handler, beside the locks that order them.
  if(BURIN_SANITIZE STREQUAL "thread")
    add_compile_definitions(BOOST_ASIO_DISABLE_FENCED_BLOCK)
    if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
      add_compile_options(-Wno-tsan)
    endif()
  endif()
endif()

# Preset fuzz (clang): the libraries report their coverage to libFuzzer; fuzz/CMakeLists.txt makes the programs.
option(BURIN_FUZZ "Build the fuzz targets with libFuzzer" OFF)
if(BURIN_FUZZ)
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()

# The float parts (reference forward, quantizer) promise the same bits for any optimization level of one compiler:
# no contraction of a*b+c into fused operations unless written so.
add_compile_options(-ffp-contract=off)

# Tests and the modules that only talk to people (COLD) have no hot loop: -O1 halves their time of compilation, and what
# nearly all of them include is read once.
function(burin_cold target)
  target_compile_options(${target} PRIVATE $<$<CONFIG:Release>:-O1>
    # -fpch-preprocess: or ccache has no use for precompiled headers. At -O1, too, GCC 12 sees "x" + string out of bounds.
    $<$<CXX_COMPILER_ID:GNU>:-fpch-preprocess;-Wno-array-bounds>)
  target_precompile_headers(${target} PRIVATE ${ARGN})
endfunction()

# burin_module(NAME [COLD] SOURCES a.cc... [TESTS a_test.cc...] [DEPS module...] [LIBS external...] [PRIVATE_LIBS external...])
#   makes burin_NAME (alias burin::NAME) and one test binary NAME_test, which is the ctest NAME; scripts/check_layering.py
#   reads the edges. Tests that read the environment variable BURIN_KERNELS get the label per_kernel.
function(burin_module name)
  cmake_parse_arguments(ARG "COLD" "" "SOURCES;TESTS;DEPS;LIBS;PRIVATE_LIBS" ${ARGN})
  add_library(burin_${name} STATIC ${ARG_SOURCES})
  add_library(burin::${name} ALIAS burin_${name})
  target_include_directories(burin_${name} PUBLIC ${CMAKE_SOURCE_DIR}/src)
  list(TRANSFORM ARG_DEPS PREPEND burin::)
  target_link_libraries(burin_${name} PUBLIC ${ARG_DEPS} ${ARG_LIBS} PRIVATE ${ARG_PRIVATE_LIBS} burin_options)
  if(ARG_COLD)
    burin_cold(burin_${name} <CLI/CLI.hpp> <nlohmann/json.hpp> <fmt/format.h> <tl/expected.hpp>)
  endif()
  if(ARG_TESTS)
    add_executable(${name}_test ${ARG_TESTS})
    target_link_libraries(${name}_test PRIVATE burin::${name} burin_options GTest::gmock_main)
    target_compile_definitions(${name}_test PRIVATE BURIN_SOURCE_DIR="${CMAKE_SOURCE_DIR}")
    burin_cold(${name}_test <gmock/gmock.h> <nlohmann/json.hpp> <fmt/format.h> <tl/expected.hpp>)
    add_test(NAME ${name} COMMAND ${name}_test --gtest_brief=1)
    set_tests_properties(${name} PROPERTIES LABELS unit TIMEOUT 300)
    foreach(source ${ARG_TESTS})
      file(STRINGS ${source} kernel_choice REGEX BURIN_KERNELS LIMIT_COUNT 1)
      if(kernel_choice)
        set_tests_properties(${name} PROPERTIES LABELS "unit;per_kernel")
      endif()
    endforeach()
  endif()
endfunction()

# burin_unity(NAME [ALONE file.cc...]): compiles the sources of a module, and its tests, in batches: many small files that
# read the same large headers cost a fifth then. ALONE are those whose private names others have, too. Not with the preset
# `clang`, so that each file is also seen alone (and by clang-tidy).
function(burin_unity name)
  cmake_parse_arguments(ARG "" "" "ALONE" ${ARGN})
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" OR BURIN_FUZZ)
    set_target_properties(burin_${name} ${name}_test PROPERTIES UNITY_BUILD ON UNITY_BUILD_BATCH_SIZE 12)
    set_source_files_properties(${ARG_ALONE} PROPERTIES SKIP_UNITY_BUILD_INCLUSION ON)
  endif()
endfunction()
