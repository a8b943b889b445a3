// libFuzzer: the reader of plans, of any bytes. Run by `./dev fuzz plans`.
#include <cstddef>
#include <cstdint>

#include "tests/support/fuzz/targets.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  pgphase::testing::fuzz_plan({reinterpret_cast<const char*>(data), size});
  return 0;
}
