// Whether the database is as a plan expects it, before anything of it runs. Reads the catalogue, and lets PostgreSQL
// plan expressions, which takes ACCESS SHARE on their tables for a moment; reads no row. Blocking; same threading as
// the Session.
#pragma once

#include <string>

#include "phases/postgres/session.hpp"
#include "plans/catalogue/expectations.hpp"

namespace pgphase {

// A sentence; empty: it is. What the role may not look at, or what takes too long, is passed over: the step tells.
Result<std::string> unmet(Session& session, const Expectation& expectation, const Step& step);

}  // namespace pgphase
