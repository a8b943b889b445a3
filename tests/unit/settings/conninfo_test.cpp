#include "phases/postgres/conninfo.hpp"

#include <gtest/gtest.h>

namespace pgphase {
namespace {

ConnInfo parsed(std::string_view text) {
  auto result = parse_conninfo(text);
  EXPECT_TRUE(result) << text << ": " << (result ? "" : result.error().text());
  return result ? *result : ConnInfo{};
}

std::string error_of(std::string_view text) {
  const auto result = parse_conninfo(text);
  EXPECT_FALSE(result) << text;
  if (result) return {};
  EXPECT_EQ(result.error().code, Errc::usage);
  return result.error().text();
}

std::string value(std::string_view text, std::string_view key) {
  return std::string(parsed(text).get(key));
}

bool contains(std::string_view text, std::string_view piece) {
  return text.find(piece) != std::string_view::npos;
}

TEST(Conninfo, ReadsEveryPartOfAUri) {
  const ConnInfo info = parsed("postgresql://alice:pw@db.example.org:5433/app?sslmode=verify-ca&application_name=x");
  EXPECT_EQ(info.get("user"), "alice");
  EXPECT_EQ(info.get("password"), "pw");
  EXPECT_EQ(info.get("host"), "db.example.org");
  EXPECT_EQ(info.get("port"), "5433");
  EXPECT_EQ(info.get("dbname"), "app");
  EXPECT_EQ(info.get("sslmode"), "verify-ca");
  EXPECT_EQ(info.get("application_name"), "x");
  EXPECT_TRUE(info.warnings.empty());
}

TEST(Conninfo, ReadsKeyValueStrings) {
  const ConnInfo info = parsed("  host = db  dbname='my app' password='it\\'s \\\\ a' user=a\\ b sslpassword='' ");
  EXPECT_EQ(info.get("host"), "db");
  EXPECT_EQ(info.get("dbname"), "my app");
  EXPECT_EQ(info.get("password"), "it's \\ a");
  EXPECT_EQ(info.get("user"), "a b");
  EXPECT_TRUE(info.has("sslpassword"));
}

TEST(Conninfo, TakesTheDriverOffTheScheme) {
  for (const char* scheme :
       {"postgres", "postgresql", "postgresql+asyncpg", "postgresql+psycopg", "PostgreSQL+psycopg2",
        "postgresql+pg8000", "postgresql+psycopg2cffi", "postgres+asyncpg"}) {
    const ConnInfo info = parsed(std::string(scheme) + "://u@h/d");
    EXPECT_EQ(info.display(), "d on h:5432 as u") << scheme;
    EXPECT_TRUE(info.warnings.empty()) << scheme;
  }
  EXPECT_EQ(parsed("postgresql+newdriver://u@h/d").warnings.size(), 1U);
}

TEST(Conninfo, RefusesWhatIsNotPostgres) {
  for (const char* scheme : {"cockroachdb", "redshift+psycopg2", "mysql", "sqlite", "http"}) {
    EXPECT_TRUE(contains(error_of(std::string(scheme) + "://u:hunter2@h/d"), "not PostgreSQL")) << scheme;
  }
}

TEST(Conninfo, MapsSslWordsToSslmode) {
  for (const char* word : {"require", "prefer", "allow", "disable", "verify-ca", "verify-full"}) {
    EXPECT_EQ(value(std::string("postgresql+asyncpg://h/d?ssl=") + word, "sslmode"), word);
  }
  EXPECT_EQ(value("postgresql://h/d?ssl=verify_full", "sslmode"), "verify-full");
  EXPECT_FALSE(parsed("postgresql://h/d?ssl=require").has("ssl"));
  EXPECT_FALSE(parsed("postgresql://h/d").has("sslmode"));
  error_of("postgresql://h/d?ssl=sometimes");
  error_of("postgresql://h/d?sslmode=sometimes");
}

TEST(Conninfo, MapsSslTrueByWhetherThereIsARootCertificate) {
  for (const char* yes : {"true", "1", "on", "True"}) {
    const std::string url = std::string("postgresql://h/d?ssl=") + yes;
    EXPECT_EQ(value(url, "sslmode"), "require");
    EXPECT_EQ(parsed(url).warnings.size(), 1U);
    EXPECT_EQ(value(url + "&sslrootcert=/ca.pem", "sslmode"), "verify-full");
  }
  for (const char* no : {"false", "0", "off"}) {
    EXPECT_EQ(value(std::string("postgresql://h/d?ssl=") + no, "sslmode"), "disable");
  }
}

TEST(Conninfo, TakesSslAndSslmodeTogetherOnlyWhenTheyAgree) {
  EXPECT_EQ(value("postgresql://h/d?ssl=require&sslmode=require", "sslmode"), "require");
  EXPECT_EQ(value("postgresql://h/d?ssl=true&sslmode=verify-full", "sslmode"), "verify-full");
  EXPECT_TRUE(contains(error_of("postgresql://h/d?ssl=require&sslmode=disable"), "require"));
  error_of("postgresql://h/d?ssl=true&sslmode=prefer");
}

TEST(Conninfo, PassesLibpqsOwnKeysThrough) {
  for (const char* key : {"sslrootcert",
                          "sslcert",
                          "sslkey",
                          "sslpassword",
                          "sslcrl",
                          "ssl_min_protocol_version",
                          "ssl_max_protocol_version",
                          "sslnegotiation",
                          "target_session_attrs",
                          "passfile",
                          "service",
                          "krbsrvname",
                          "gsslib",
                          "user",
                          "password",
                          "dbname",
                          "options",
                          "application_name",
                          "channel_binding",
                          "connect_timeout",
                          "tcp_user_timeout"}) {
    EXPECT_EQ(value(std::string("postgresql:///?") + key + "=some%20value", key), "some value");
  }
  EXPECT_EQ(value("postgresql://h/?database=app", "dbname"), "app");
}

TEST(Conninfo, MapsAsyncpgsKeys) {
  EXPECT_EQ(value("postgresql://h/d?direct_tls=true", "sslnegotiation"), "direct");
  EXPECT_FALSE(parsed("postgresql://h/d?direct_tls=false").has("sslnegotiation"));
  EXPECT_EQ(value("postgresql://h/d?timeout=2.1", "connect_timeout"), "3");
  EXPECT_EQ(value("postgresql://h/d?timeout=60", "connect_timeout"), "60");
  EXPECT_EQ(value("postgresql://h/d?timeout=60&connect_timeout=5", "connect_timeout"), "5");
  error_of("postgresql://h/d?timeout=soon");
  error_of("postgresql://h/d?timeout=-1");
  const ConnInfo info = parsed("postgresql://h/d?command_timeout=60");
  EXPECT_EQ(info.pairs.size(), 2U);
  ASSERT_EQ(info.warnings.size(), 1U);
  EXPECT_TRUE(contains(info.warnings[0], "command_timeout"));
}

TEST(Conninfo, PutsServerSettingsIntoOptions) {
  EXPECT_EQ(value("postgresql://h/d?jit=off", "options"), "-c jit=off");
  EXPECT_EQ(value("postgresql://h/d?options=-c%20geqo%3Doff&search_path=a,%20b", "options"),
            "-c geqo=off -c search_path=a,\\ b");
  const ConnInfo info = parsed(R"(postgresql://h/d?server_settings={"application_name":"api","jit":"off"})");
  EXPECT_EQ(info.get("application_name"), "api");
  EXPECT_EQ(info.get("options"), "-c jit=off");
  error_of("postgresql://h/d?server_settings=jit");
  error_of(R"(postgresql://h/d?server_settings={"jit -c x":"off"})");
}

TEST(Conninfo, DropsTheDriversCachesWithoutAWord) {
  for (const char* key : {"prepared_statement_cache_size", "prepared_statement_name_func", "statement_cache_size",
                          "max_cached_statement_lifetime", "max_cacheable_statement_size", "async_fallback"}) {
    const ConnInfo info = parsed(std::string("postgresql+asyncpg://h/d?") + key + "=0");
    EXPECT_EQ(info.pairs.size(), 2U) << key;
    EXPECT_TRUE(info.warnings.empty()) << key;
  }
}

TEST(Conninfo, DropsPrismasKeysAndSaysSo) {
  for (const char* key : {"pgbouncer", "pool_timeout", "connection_limit", "schema"}) {
    const ConnInfo info = parsed(std::string("postgresql://h/d?") + key + "=1");
    EXPECT_EQ(info.pairs.size(), 2U) << key;
    ASSERT_EQ(info.warnings.size(), 1U) << key;
    EXPECT_TRUE(contains(info.warnings[0], key));
  }
}

TEST(Conninfo, NamesAnUnknownKeyAndTheNearestOne) {
  EXPECT_TRUE(contains(error_of("postgresql://u:hunter2@h/d?sslmod=require"), "the key sslmod is not known"));
  EXPECT_TRUE(contains(error_of("postgresql://u:hunter2@h/d?sslmod=require"), "is sslmode meant?"));
  EXPECT_TRUE(contains(error_of("host=h frobnicate=1"), "frobnicate"));
  EXPECT_TRUE(contains(error_of("host=h replication=database"), "replication"));
  EXPECT_TRUE(contains(error_of("password=hunter2 sslmode=require frobnicate=1"), "frobnicate"));
  EXPECT_TRUE(contains(error_of("password=hunter2 sslmod=require"), "is sslmode meant?"));
}

TEST(Conninfo, ReadsSeveralHosts) {
  const ConnInfo libpq = parsed("postgresql://u@h1:5433,h2/d");
  EXPECT_EQ(libpq.get("host"), "h1,h2");
  EXPECT_EQ(libpq.get("port"), "5433,");
  EXPECT_EQ(libpq.display(), "d on h1:5433,h2:5432 as u");
  EXPECT_TRUE(contains(libpq.to_libpq(), "target_session_attrs='read-write'"));

  const ConnInfo sqlalchemy = parsed("postgresql+psycopg2://u:p@/d?host=h1:5433&host=h2:5434");
  EXPECT_EQ(sqlalchemy.get("host"), "h1,h2");
  EXPECT_EQ(sqlalchemy.get("port"), "5433,5434");
  EXPECT_EQ(value("postgresql://u@/d?host=h1,h2&port=1,2", "port"), "1,2");
  EXPECT_EQ(value("postgresql://u@/d?host=h1&host=h2&port=6000", "port"), "6000,6000");
  EXPECT_FALSE(contains(parsed("postgresql://h/d").to_libpq(), "target_session_attrs"));
  error_of("postgresql://u@/d?host=h1,h2,h3&port=1,2");
  error_of("postgresql://u@/d?host=h1:1&port=2");
}

TEST(Conninfo, ReadsIpv6AndSockets) {
  const ConnInfo ipv6 = parsed("postgresql://[::1]:5433/d");
  EXPECT_EQ(ipv6.get("host"), "::1");
  EXPECT_EQ(ipv6.host_port_without_password(), "[::1]:5433");
  EXPECT_EQ(parsed("postgresql:///d?host=/var/run/postgresql").host_port_without_password(),
            "/var/run/postgresql:5432");
  EXPECT_EQ(value("postgresql://%2Fvar%2Frun:5433/d", "host"), "/var/run");
  EXPECT_EQ(value("postgresql://%2Fvar%2Frun:5433/d", "port"), "5433");
  EXPECT_EQ(value("postgresql:///d?host=fe80::1", "host"), "fe80::1");
  EXPECT_EQ(parsed("postgresql:///d?port=5433").host_port_without_password(), "the local socket:5433");
  error_of("postgresql://[::1/d");
  error_of("postgresql://h:0/d");
  error_of("postgresql://h:65536/d");
}

struct Password {
  const char* in_uri;
  const char* meant;
};

TEST(Conninfo, DecodesPasswordsExactlyOnce) {
  for (const Password& password : {
           Password{"p%40ss", "p@ss"},
           Password{"p@ss", "p@ss"},  // not encoded, and yet there is only one way to read it
           Password{"a%2540b", "a%40b"},
           Password{"a+b", "a+b"},
           Password{"a%2Bb", "a+b"},
           Password{"a%20b", "a b"},
           Password{"it%27s", "it's"},
           Password{"it's", "it's"},
           Password{"back%5Cslash", "back\\slash"},
           Password{"a:b", "a:b"},
           Password{"a%2Fb%3Fc%23d", "a/b?c#d"},
           Password{"%C3%A9", "é"},
       }) {
    const ConnInfo info = parsed(std::string("postgresql://u:") + password.in_uri + "@h/d");
    EXPECT_EQ(info.get("password"), password.meant);
    EXPECT_EQ(info.get("host"), "h");
    // What is handed to libpq says the same when it is read again.
    EXPECT_EQ(value(info.to_libpq(), "password"), password.meant);
  }
}

TEST(Conninfo, QuotesForLibpq) {
  const ConnInfo info = parsed("host=h dbname=''").with("password", "it's \\ x").with("user", "a b");
  EXPECT_EQ(info.to_libpq().substr(0, 62), R"(host='h' dbname='' password='it\'s \\ x' user='a b' connect_ti)");
}

TEST(Conninfo, AddsTimeoutAndKeepalivesUnlessGiven) {
  const std::string defaults = parsed("host=h").to_libpq();
  for (const char* part : {"connect_timeout='10'", "keepalives='1'", "keepalives_idle='30'", "keepalives_interval='10'",
                           "keepalives_count='3'"}) {
    EXPECT_TRUE(contains(defaults, part)) << part;
  }
  const std::string given = parsed("host=h connect_timeout=3 keepalives_idle=5").to_libpq();
  EXPECT_TRUE(contains(given, "connect_timeout='3'"));
  EXPECT_FALSE(contains(given, "connect_timeout='10'"));
  EXPECT_TRUE(contains(given, "keepalives_idle='5'"));
  EXPECT_FALSE(contains(given, "keepalives_idle='30'"));
}

TEST(Conninfo, ForcesTlsOnNeonUnlessTheStringSaysOtherwise) {
  const std::string host = "ep-cool-1234.eu-central-1.aws.neon.tech";
  EXPECT_EQ(value("postgresql://u:p@" + host + "/d", "sslmode"), "require");
  EXPECT_EQ(value("postgresql://u:p@" + host + "/d?sslmode=verify-full", "sslmode"), "verify-full");
  EXPECT_EQ(value("postgresql+asyncpg://u:p@" + host + "/d?ssl=disable", "sslmode"), "disable");
  EXPECT_FALSE(parsed("postgresql://u:p@neon.tech.example.org/d").has("sslmode"));
}

TEST(Conninfo, RefusesNeonsPooledHostAndNamesTheDirectOne) {
  const std::string error = error_of("postgresql://u:hunter2@ep-cool-1234-pooler.c-2.eu-central-1.aws.neon.tech/d");
  EXPECT_TRUE(contains(error, "ep-cool-1234.c-2.eu-central-1.aws.neon.tech"));
  EXPECT_FALSE(contains(error, "hunter2"));
  EXPECT_TRUE(parse_conninfo("postgresql://u@my-pooler.example.org/d"));
}

TEST(Conninfo, DisplayHasNoPassword) {
  EXPECT_EQ(parsed("postgresql://alice:hunter2@h:5433/app").display(), "app on h:5433 as alice");
  EXPECT_EQ(parsed("postgresql://alice:hunter2@h").display(), "alice on h:5432 as alice");
  EXPECT_EQ(parsed("dbname=app password=hunter2").display(), "app on the local socket:5432");
  EXPECT_EQ(parsed("service=prod dbname=app").display(), "app of service prod");
}

TEST(Conninfo, WithReplacesOrAppendsAndLeavesTheOriginal) {
  const ConnInfo info = parsed("host=h user=a");
  EXPECT_EQ(info.with("user", "b").get("user"), "b");
  EXPECT_EQ(info.with("user", "b").pairs.size(), 2U);
  EXPECT_EQ(info.with("password", "x").pairs.size(), 3U);
  EXPECT_EQ(info.get("user"), "a");
}

// Every way found to make this parser fail, with a piece of the password wherever a mistake may put it.
TEST(Conninfo, NoErrorHoldsAPieceOfThePassword) {
  for (const char* text : {
           "postgresql://u:hun/ter2@h/d",     // the "port" is hun
           "postgresql://u:123/hunter2@h/d",  // the "database" is hunter2@h/d
           "postgresql://u:hun?ter2@h/d",
           "postgresql://u:123?hunter2@h/d",
           "postgresql://u:123?hunter2=x@h/d",
           "postgresql://u:a@b/hunter2@h/d",
           "postgresql://u:hunter2%@h/d",
           "postgresql://u:hunter2%zz@h/d",
           "postgresql://u:hunter2%%40@h/d",
           "postgresql://u:hunter2%00@h/d",
           "postgresql://u:hunter2@h:port/d",
           "postgresql://u:hunter2@h/d?ssl=hunter2",
           "postgresql://u:hunter2@h/d?timeout=hunter2",
           "postgresql://u:hunter2@h/d?password",
           "postgresql://h/d?password=hunter2&nonsense=1",
           "mysql://u:hunter2@h/d",
           "host=h password=a hunter2",
           "host=h password=a hunter2=b",
           "host=h password=a b=c hunter2",
           "host=h password=a b=c hunter2=d e",
           "host=h password='hunter2",
           "host=h password='a'hunter2",
           "password=hunter2 =x",
           "hunter2",
           "u:hunter2@h/d",
           "jdbc:postgresql://h/d?password=hunter2",
       }) {
    const std::string error = error_of(text);
    EXPECT_FALSE(contains(error, "hun") || contains(error, "ter2")) << text << "\n" << error;
    EXPECT_FALSE(error.empty());
  }
  error_of("");
  error_of("  \n");
  error_of(std::string_view("host=a\0b", 8));
}

}  // namespace
}  // namespace pgphase
