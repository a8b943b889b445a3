// What a fuzzer feeds with bytes of its own making: none of it may crash, hang or leak, whatever they are. Any thread.
#pragma once

#include <string_view>

namespace pgphase::testing {

void fuzz_sql(std::string_view bytes);   // `check` and `split` of a file of SQL
void fuzz_plan(std::string_view bytes);  // the reader of plans

}  // namespace pgphase::testing
