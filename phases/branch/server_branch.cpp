#include <fmt/format.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <memory>

#include "phases/branch/branch.hpp"
#include "phases/postgres/server.hpp"
#include "phases/postgres/server_binaries.hpp"
#include "phases/postgres/session.hpp"
#include "plans/sql/quote.hpp"

namespace pgphase {
namespace {

namespace fs = std::filesystem;

constexpr const char* k_database = "rehearsal";
constexpr std::chrono::hours k_longest_copy{6};

struct CloseFile {
  void operator()(std::FILE* file) const { std::fclose(file); }
};
using File = std::unique_ptr<std::FILE, CloseFile>;

// Without a name, so that nobody else reads it and a kill leaves nothing.
Result<File> nameless_file() {
  File file(std::tmpfile());
  if (!file) return make_error(Errc::refused, "no file can be made in the folder for temporary files");
  return file;
}

std::string contents(std::FILE* file) {
  constexpr std::size_t k_enough = 4000;
  std::string text(k_enough, '\0');
  std::rewind(file);
  text.resize(std::fread(text.data(), 1, text.size(), file));
  while (!text.empty() && text.back() == '\n') text.pop_back();
  return text;
}

// A client program of PostgreSQL. The password goes through the environment: everybody may read a command line.
Result<void> run_client(const std::string& program, std::vector<std::string> arguments, const ConnInfo& connection,
                        int in, int out) {
  PGPHASE_TRY(errors, nameless_file());
  ConnInfo shown;
  ChildOptions child;
  for (const auto& [key, value] : connection.pairs) {
    if (key == "password") {
      child.environment.push_back("PGPASSWORD=" + value);
    } else {
      shown.pairs.emplace_back(key, value);
    }
  }
  for (const auto* name : {"PATH", "HOME", "PGPASSFILE", "PGSSLROOTCERT", "PGSSLCERT", "PGSSLKEY", "PGSERVICEFILE"}) {
    if (const auto* value = std::getenv(name)) child.environment.push_back(fmt::format("{}={}", name, value));
  }
  child.argv = {program, "--dbname=" + shown.to_libpq()};
  child.argv.insert(child.argv.end(), arguments.begin(), arguments.end());
  child.in = in;
  child.out = out;
  child.err = ::fileno(errors.get());
  child.death_signal = SIGKILL;
  child.session = ProcessSession::shared;
  PGPHASE_TRY(pid, start_child(child));
  const auto status = wait_child(pid, k_longest_copy);
  if (status == 0) return {};
  return make_error(Errc::refused,
                    fmt::format("{} failed: {}", fs::path(program).filename().string(), contents(errors.get())),
                    "The branch is removed, and the source was only read.");
}

class ServerBranch final : public Branch {
 public:
  ServerBranch(LocalServer server, ConnInfo connection, std::string description)
      : server_(std::move(server)), connection_(std::move(connection)), description_(std::move(description)) {}
  const ConnInfo& connection() const override { return connection_; }
  std::string description() const override { return description_; }
  Result<void> remove() override {
    if (removed_) return {};
    removed_ = true;
    return server_.stop();
  }

 private:
  LocalServer server_;
  ConnInfo connection_;
  std::string description_;
  bool removed_ = false;
};

class DisposableDatabase final : public Branch {
 public:
  explicit DisposableDatabase(ConnInfo connection) : connection_(std::move(connection)) {}
  const ConnInfo& connection() const override { return connection_; }
  std::string description() const override { return connection_.display() + ", which you called disposable"; }
  Result<void> remove() override { return {}; }

 private:
  ConnInfo connection_;
};

Result<std::unique_ptr<Session>> session_on(const ConnInfo& connection) {
  SessionOptions options;
  options.conninfo = connection.to_libpq();
  options.target = connection.display();
  options.application_name = "pgphase/rehearsal";
  return Session::open(options);
}

// The database with its connection, on a new server.
struct NewServer {
  LocalServer server;
  ConnInfo connection;
};

Result<NewServer> start(int major, const std::string& settings_like) {
  ServerOptions options;
  options.major = major;
  auto server = LocalServer::start(options);
  if (!server) return server.error();
  PGPHASE_TRY(maintenance, parse_conninfo(server->url()));
  PGPHASE_TRY(session, session_on(maintenance));
  PGPHASE_CHECK(session->query(fmt::format("CREATE DATABASE {} TEMPLATE template0 {}", k_database, settings_like)));
  return NewServer{std::move(*server), maintenance.with("dbname", k_database)};
}

// Owners and grants name roles. They hold no secret, and nobody can log in as one.
Result<void> copy_roles(Session& from, const ConnInfo& to) {
  PGPHASE_TRY(roles,
              from.query("SELECT rolname FROM pg_roles WHERE rolname !~ '^pg_' AND rolname <> 'postgres' ORDER BY 1"));
  PGPHASE_TRY(session, session_on(to));
  for (const auto& role : roles) {
    PGPHASE_CHECK(session->query(fmt::format("CREATE ROLE {} NOLOGIN", quote_ident(role.text(0)))));
  }
  return {};
}

Result<std::string> client_program(const std::string& name, int major) {
  PGPHASE_TRY(binaries, find_server_binaries({}, 0));
  const auto beside = fs::path(binaries.folder) / name;
  if (binaries.major >= major && ::access(beside.c_str(), X_OK) == 0) return beside.string();
  return make_error(Errc::refused,
                    fmt::format("copying a PostgreSQL {} database needs {} of that version or newer, and {} has none",
                                major, name, binaries.folder),
                    "Nothing was made. Install the client programs, or name a database that is disposable: "
                    "--branch url --on URL.");
}

}  // namespace

Result<std::unique_ptr<Branch>> branch_by_copy(const ConnInfo& source) {
  PGPHASE_TRY(from, session_on(source));
  const int major = from->server_version() / 10000;
  PGPHASE_TRY(pg_dump, client_program("pg_dump", major));
  PGPHASE_TRY(psql, client_program("psql", major));
  PGPHASE_TRY(like, from->query("SELECT format('ENCODING %L LC_COLLATE %L LC_CTYPE %L', pg_encoding_to_char(encoding), "
                                "datcollate, datctype) FROM pg_database WHERE datname = current_database()"));
  auto made = start(major, like[0].text(0));
  if (!made) return made.error();
  PGPHASE_CHECK(copy_roles(*from, made->connection));
  PGPHASE_TRY(dump, nameless_file());
  const int file = ::fileno(dump.get());
  PGPHASE_CHECK(run_client(pg_dump, {"--no-password", "--lock-wait-timeout=10s"}, source, -1, file));
  ::lseek(file, 0, SEEK_SET);
  PGPHASE_CHECK(
      run_client(psql, {"--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", "--file=-"}, made->connection, file, -1));
  auto session = session_on(made->connection);
  if (!session) return session.error();
  PGPHASE_CHECK((*session)->query("ANALYZE"));
  auto description =
      fmt::format("a copy of {}, on a private server of version {}", source.display(), made->server.info().version);
  return std::unique_ptr<Branch>(
      std::make_unique<ServerBranch>(std::move(made->server), made->connection, std::move(description)));
}

Result<std::unique_ptr<Branch>> empty_branch() {
  auto made = start(0, "");
  if (!made) return made.error();
  auto description = fmt::format("an empty database, on a private server of version {}", made->server.info().version);
  return std::unique_ptr<Branch>(
      std::make_unique<ServerBranch>(std::move(made->server), made->connection, std::move(description)));
}

std::unique_ptr<Branch> disposable_database(ConnInfo connection) {
  return std::make_unique<DisposableDatabase>(std::move(connection));
}

}  // namespace pgphase
