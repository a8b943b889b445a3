// A private, throwaway PostgreSQL server: for `pgphase sandbox`, rehearsals, the demo and the tests.
//
// Everything it has lies in one folder (mode 0700): data, log, socket. Local connections through the socket need no
// password, because only the folder's owner gets to the socket; TCP is on 127.0.0.1 only and asks for a random
// password, so that nobody else on the machine gets in. Started by root, the server runs as `postgres` or, where
// that user does not exist, as `nobody`: PostgreSQL refuses root.
//
// Blocking, for use before the event loop exists. One thread at a time. A server with Lifetime::ours also stops when
// the *thread* that started it ends.
#pragma once

#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include "phases/postgres/child_process.hpp"
#include "phases/postgres/server_folder.hpp"
#include "plans/base/result.hpp"

namespace pgphase {

enum class Lifetime {
  ours,           // stopped and removed with the object; stopped by the kernel's death signal if we are killed
  until_stopped,  // keeps running after us; see sandbox.hpp
};

enum class Durability {
  throwaway,  // fsync and full-page writes off: survives a kill of the server, not a power cut
  durable,    // as in production: for measurements, and for tests of what a crash leaves
};

enum class Shutdown {
  fast,       // rolls back open transactions, writes a checkpoint
  immediate,  // as a crash: the next start recovers from WAL
};

struct ServerOptions {
  std::string bin_folder;  // empty: see find_server_binaries()
  int major = 0;           // 0: any supported version
  std::string folder;      // must not exist yet or be empty; empty: a new one in the folder for temporary files
  Lifetime lifetime = Lifetime::ours;
  Durability durability = Durability::throwaway;
  std::vector<std::pair<std::string, std::string>> settings;  // more lines for postgresql.conf; later ones win
  std::chrono::seconds start_limit{60};                       // for initdb, and again for the server
};

// What is needed to connect to a server, and to stop it from another process.
struct RunningServer {
  ProcessId process;
  long start_time = 0;  // as postmaster.pid says it
  int port = 0;
  std::string folder;  // holds data/, server.log and the socket
  std::string password;
  std::string version;  // "15.14"
  int major = 0;

  // libpq URIs for the superuser `postgres`. The first goes through the socket and holds no secret.
  std::string url(const std::string& database = "postgres") const;
  std::string tcp_url(const std::string& database = "postgres") const;
  std::string data_folder() const { return folder + "/data"; }
  std::string log_file() const { return folder + "/server.log"; }
};

// True when that very server still runs: process, data folder and start time agree, not only the pid.
bool is_running(const RunningServer& server);

// Stops the server (an immediate shutdown after `limit`, then SIGKILL) and waits until it is gone.
Result<void> stop_server(const RunningServer& server, Shutdown how,
                         std::chrono::milliseconds limit = std::chrono::seconds(20));

class LocalServer {
 public:
  // Errors: no server installed; initdb or the server failed, with the last lines of its log. Nothing is left behind.
  static Result<LocalServer> start(const ServerOptions& options = {});

  LocalServer(LocalServer&& other) noexcept;
  LocalServer& operator=(LocalServer&& other) noexcept;
  LocalServer(const LocalServer&) = delete;
  LocalServer& operator=(const LocalServer&) = delete;
  ~LocalServer();

  const RunningServer& info() const { return info_; }
  std::string url(const std::string& database = "postgres") const { return info_.url(database); }
  std::string tcp_url(const std::string& database = "postgres") const { return info_.tcp_url(database); }

  // Stops the server and removes its folder. Also done by the destructor, for Lifetime::ours.
  Result<void> stop();

  // Stops the server and starts it again with the same data, port and password.
  Result<void> restart(Shutdown how);

 private:
  LocalServer() = default;
  Result<void> initialise(const ServerOptions& options);
  Result<void> configure() const;
  Result<void> launch();
  Result<void> launch_on(int port);
  Result<void> run_and_wait(const std::vector<std::string>& argv) const;
  ChildOptions child(std::vector<std::string> argv, int log) const;
  void discard();

  ServerOptions options_;
  RunningServer info_;
  std::string bin_folder_;
  std::optional<User> user_;
  int lock_ = -1;  // held by us and by every process of the server, so a sweep knows the folder is in use
};

// Removes the folders of servers that were killed together with their starters; start() does so too. Empty where no user
// is found that a server could run as.
SweptFolders sweep_dead_servers();

}  // namespace pgphase
