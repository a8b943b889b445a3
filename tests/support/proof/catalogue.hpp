// What a server's catalogue knows, as the effects ask for it.
#pragma once

#include "plans/effects/known.hpp"
#include "tests/support/database.hpp"

namespace pgphase::testing::proof {

Known read_catalogue(PgClient& client);

}  // namespace pgphase::testing::proof
