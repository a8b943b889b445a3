// Which columns a condition lets no NULL into, as far as its form says so. Private to plans.
#pragma once

#include <boost/json.hpp>
#include <set>
#include <string>

namespace pgphase::effects {

std::set<std::string> proves_not_null(const boost::json::value& condition);

}  // namespace pgphase::effects
