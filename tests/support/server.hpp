// The PostgreSQL server that the tests of this process use.
//
// Under `test_server -- …` (and so under ./dev test) it is the one that PGPHASE_TEST_URL names; a test binary started
// by hand starts one for itself at the first call. Call from the main thread: the server ends with it.
#pragma once

#include <string>

namespace pgphase::testing {

std::string test_server_url();      // superuser, database postgres, through the Unix socket: no password asked
std::string test_server_tcp_url();  // the same over 127.0.0.1, with a password
int test_server_major();            // 15

// `url` with another database; whatever its query part, which is kept.
std::string with_database(const std::string& url, const std::string& database);

}  // namespace pgphase::testing
