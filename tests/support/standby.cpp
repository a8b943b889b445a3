#include "tests/support/standby.hpp"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <fstream>
#include <stdexcept>

#include "phases/postgres/server_binaries.hpp"
#include "phases/postgres/server_folder.hpp"
#include "tests/support/database.hpp"
#include "tests/support/process.hpp"

namespace pgphase::testing {
namespace {

template <class T>
T or_throw(Result<T> result) {
  if (!result) throw std::runtime_error(result.error().text());
  return std::move(*result);
}

bool answers(const std::string& url) {
  try {
    return PgClient(url).value("SELECT pg_is_in_recovery()") == "t";
  } catch (const PgError&) {
    return false;
  }
}

}  // namespace

Standby::Standby(const RunningServer& primary, const std::string& name) : user_(or_throw(server_user())) {
  const auto binaries = or_throw(find_server_binaries({}, primary.major));
  folder_ = or_throw(make_server_folder({}, user_));
  info_.folder = folder_.path;
  info_.port = free_loopback_port();
  try {
    copy(primary, name);
    const int log = ::open(info_.log_file().c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    ChildOptions options = child({binaries.folder + "/postgres", "-D", info_.data_folder(), "-p",
                                  std::to_string(info_.port), "-k", info_.folder, "-c", "listen_addresses="},
                                 log);
    options.keep = folder_.lock;
    options.death_signal = SIGINT;
    info_.process.pid = or_throw(start_child(options));
    ::close(log);
    if (!eventually([this] { return answers(url()); })) {
      throw std::runtime_error("the standby does not answer:" + last_lines(info_.log_file(), 12));
    }
  } catch (...) {
    stop();
    throw;
  }
}

// The server is told before and afterwards; what it writes meanwhile is in the WAL from there on, which is streamed.
void Standby::copy(const RunningServer& primary, const std::string& name) {
  PgClient client(primary.url());
  const bool old_names = primary.major < 15;
  client.exec(old_names ? "SELECT pg_start_backup('standby', true, false)" : "SELECT pg_backup_start('standby', true)");
  // A file that goes while it is copied is no error: it is gone by the end of the WAL as well.
  run_and_wait({"/bin/sh", "-c",
                "umask 077; mkdir -p \"$2\"; cp -a \"$1\"/. \"$2\" 2>/dev/null; cd \"$2\" && chmod 700 . && "
                "rm -rf postmaster.pid postmaster.opts pg_wal/* pg_replslot/* && mkdir -p pg_wal/archive_status && "
                "touch standby.signal backup_label && test -f global/pg_control",
                "copy", primary.data_folder(), info_.data_folder()});
  const auto label = client.value(old_names ? "SELECT labelfile FROM pg_stop_backup(false, false)"
                                            : "SELECT labelfile FROM pg_backup_stop(false)");
  write("backup_label", label);
  write("postgresql.auto.conf", "primary_conninfo = 'user=postgres host=" + primary.folder +
                                    " port=" + std::to_string(primary.port) + " application_name=" + name + "'\n");
}

// Into what the copy has made, so that it belongs to the server's user.
void Standby::write(const std::string& name, const std::string& text) const {
  std::ofstream file(info_.data_folder() + "/" + name, std::ios::trunc);
  if (!(file << text) || !file.flush()) throw std::runtime_error("could not write " + name + " of the standby");
}

Standby::~Standby() {
  stop();
}

void Standby::stop() {
  if (info_.process.pid > 0) {
    ::kill(info_.process.pid, SIGINT);
    if (!wait_child(info_.process.pid, std::chrono::seconds(20))) {
      ::kill(info_.process.pid, SIGKILL);
      ::waitpid(info_.process.pid, nullptr, 0);
    }
  }
  remove_folder(folder_.path);
  ::close(folder_.lock);
}

ChildOptions Standby::child(std::vector<std::string> argv, int log) const {
  ChildOptions out;
  out.argv = std::move(argv);
  out.environment = {"LC_ALL=C", "PATH=/usr/bin:/bin", "HOME=" + info_.folder, "PGTZ=UTC"};
  out.folder = info_.folder;
  out.out = out.err = log;
  out.user = user_;
  return out;
}

void Standby::run_and_wait(std::vector<std::string> argv) {
  const int log = ::open(info_.log_file().c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  ChildOptions options = child(std::move(argv), log);
  options.death_signal = SIGKILL;
  const pid_t pid = or_throw(start_child(options));
  ::close(log);
  const auto status = wait_child(pid, std::chrono::seconds(60));
  if (!status) {
    ::kill(pid, SIGKILL);
    ::waitpid(pid, nullptr, 0);
  }
  if (status != 0) throw std::runtime_error("the primary could not be copied:" + last_lines(info_.log_file(), 12));
}

}  // namespace pgphase::testing
