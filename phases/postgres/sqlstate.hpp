// The SQLSTATEs that pgphase branches on. Source: PostgreSQL's errcodes appendix.
#pragma once

#include <string_view>

namespace pgphase::sqlstate {

inline constexpr const char* lock_not_available = "55P03";
inline constexpr const char* query_canceled = "57014";  // statement_timeout, or somebody's cancel
inline constexpr const char* deadlock_detected = "40P01";
inline constexpr const char* serialization_failure = "40001";
inline constexpr const char* statement_completion_unknown = "40003";
inline constexpr const char* insufficient_privilege = "42501";
inline constexpr const char* undefined_column = "42703";
inline constexpr const char* undefined_table = "42P01";
inline constexpr const char* undefined_object = "42704";  // a type, too
inline constexpr const char* invalid_schema_name = "3F000";
inline constexpr const char* duplicate_table = "42P07";  // of indexes too

inline constexpr const char* check_violation = "23514";
inline constexpr const char* foreign_key_violation = "23503";

// A FATAL after which the backend is gone: admin_shutdown, crash_shutdown, cannot_connect_now, database_dropped,
// idle_in_transaction_session_timeout, transaction_timeout, idle_session_timeout, and class 08.
inline bool ends_session(std::string_view state) {
  return state.starts_with("57P0") || state == "25P03" || state == "25P04" || state.starts_with("08");
}

// Retrying the same transaction may succeed.
inline bool worth_retrying(std::string_view state) {
  return state == lock_not_available || state == query_canceled || state == deadlock_detected ||
         state == serialization_failure;
}

}  // namespace pgphase::sqlstate
