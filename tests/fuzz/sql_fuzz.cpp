// libFuzzer: `check` and `split` of any bytes. Run by `./dev fuzz sql`.
#include <cstddef>
#include <cstdint>

#include "tests/support/fuzz/targets.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  pgphase::testing::fuzz_sql({reinterpret_cast<const char*>(data), size});
  return 0;
}
