// One entry for each change that carries data: what the lossless test lets applications of both schemas write.
#pragma once

#include "tests/e2e/lossless_application.hpp"

namespace pgphase::testing {

std::vector<LosslessCase> lossless_cases_for(int major);

}  // namespace pgphase::testing
