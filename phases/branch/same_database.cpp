#include "phases/branch/same_database.hpp"

#include <random>

namespace pgphase {

Result<bool> same_database(Session& one, Session& other) {
  // Two random numbers: nobody else holds this lock.
  std::random_device random;
  const auto number = [&random] { return std::to_string(static_cast<std::int32_t>(random() & 0x7fffffffU)); };
  const Params key = {number(), number()};
  PGPHASE_CHECK(one.query("SELECT pg_advisory_lock($1::int, $2::int)", key));
  auto seen = other.query(
      "SELECT FROM pg_locks WHERE locktype = 'advisory' AND classid = $1::int::oid AND objid = $2::int::oid AND "
      "objsubid "
      "= 2 AND database = (SELECT oid FROM pg_database WHERE datname = current_database())",
      key);
  PGPHASE_CHECK(one.query("SELECT pg_advisory_unlock($1::int, $2::int)", key));
  if (!seen) return seen.error();
  return !seen->empty();
}

}  // namespace pgphase
