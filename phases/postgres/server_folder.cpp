#include "phases/postgres/server_folder.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pwd.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <deque>
#include <filesystem>
#include <fstream>

namespace pgphase {
namespace {

namespace fs = std::filesystem;

constexpr const char* k_prefix = "pgphase-pg-";
// A socket's whole path has at most 107 bytes, and "/.s.PGSQL.65535" is added to the folder.
constexpr std::size_t k_longest_path = 107 - 15;

std::string with_errno(const std::string& what) {
  return what + ": " + std::strerror(errno);
}

// Root's own TMPDIR may be closed to the server's user, so root always takes /tmp.
std::string temporary_root() {
  const char* wanted = ::geteuid() == 0 ? nullptr : std::getenv("TMPDIR");
  if (wanted == nullptr || *wanted != '/') return "/tmp";
  std::string path = wanted;
  while (path.size() > 1 && path.back() == '/') path.pop_back();
  return path.size() + std::strlen(k_prefix) + 7 <= k_longest_path ? path : "/tmp";
}

int lock_folder(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
  if (fd >= 0 && ::flock(fd, LOCK_EX | LOCK_NB) == 0) return fd;
  if (fd >= 0) ::close(fd);
  return -1;
}

Result<std::string> make_folder(const std::string& path) {
  if (path.empty()) {
    std::string name = temporary_root() + "/" + k_prefix + "XXXXXX";
    if (::mkdtemp(name.data()) == nullptr) return make_error(Errc::refused, with_errno("could not make " + name));
    return name;
  }
  std::string absolute = fs::absolute(path).lexically_normal().string();
  if (absolute.size() > 1 && absolute.back() == '/') absolute.pop_back();
  if (absolute.size() > k_longest_path) {
    return make_error(Errc::refused, "the folder's name is too long for a Unix socket in it: " + absolute);
  }
  std::error_code error;
  if (::mkdir(absolute.c_str(), 0700) == 0) return absolute;
  if (errno != EEXIST) return make_error(Errc::refused, with_errno("could not make the folder " + absolute));
  if (!fs::is_empty(absolute, error) || error) {
    return make_error(Errc::refused, "the folder for the server is not empty: " + absolute);
  }
  if (::chmod(absolute.c_str(), 0700) != 0)
    return make_error(Errc::refused, with_errno("could not protect " + absolute));
  return absolute;
}

}  // namespace

Result<std::optional<User>> server_user() {
  if (::geteuid() != 0) return std::optional<User>();
  for (const char* name : {"postgres", "nobody"}) {
    passwd entry{};
    passwd* found = nullptr;
    std::array<char, 4096> buffer{};
    if (::getpwnam_r(name, &entry, buffer.data(), buffer.size(), &found) != 0 || found == nullptr) continue;
    if (entry.pw_uid != 0) return std::optional<User>(User{entry.pw_uid, entry.pw_gid, name});
  }
  return make_error(Errc::refused, "PostgreSQL does not run as root, and there is no user postgres or nobody here",
                    "run pgphase as an ordinary user");
}

Result<ServerFolder> make_server_folder(const std::string& path, const std::optional<User>& owner) {
  PGPHASE_TRY(made, make_folder(path));
  ServerFolder out{made, lock_folder(made)};
  if (out.lock < 0) {
    // Not removed: somebody else has it.
    return make_error(Errc::refused, "the folder is in use by another server: " + out.path);
  }
  if (owner && ::chown(out.path.c_str(), owner->uid, owner->gid) != 0) {
    Error error = make_error(Errc::refused, with_errno("could not give " + out.path + " to " + owner->name));
    ::close(out.lock);
    remove_folder(out.path);
    return error;
  }
  return out;
}

SweptFolders sweep_server_folders(const std::optional<User>& owner) {
  const uid_t uid = owner ? owner->uid : ::geteuid();
  SweptFolders swept;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(temporary_root(), error)) {
    const std::string path = entry.path().string();
    struct stat now {};
    if (!entry.path().filename().string().starts_with(k_prefix)) continue;
    if (::lstat(path.c_str(), &now) != 0 || !S_ISDIR(now.st_mode) || now.st_uid != uid) continue;
    // Between making a folder and locking it there is a moment, in which it is empty: such a one is left alone.
    const bool fresh = std::time(nullptr) - now.st_ctime < 10;
    std::error_code unreadable;
    if (fresh && (fs::is_empty(path, unreadable) || unreadable)) continue;
    if (remove_unused_folder(path)) {
      swept.removed.push_back(path);
    } else {
      swept.some_in_use = true;
    }
  }
  return swept;
}

void remove_folder(const std::string& path) {
  std::error_code ignored;  // what cannot be removed now is swept later
  fs::remove_all(path, ignored);
}

bool remove_unused_folder(const std::string& path) {
  const int lock = lock_folder(path);
  if (lock < 0) return false;
  remove_folder(path);
  ::close(lock);
  std::error_code unknown;
  return !fs::exists(path, unknown);  // a process that dies at this moment may still have written to it
}

Result<void> write_private_file(const std::string& path, const std::string& text, const std::optional<User>& owner) {
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
  if (fd < 0) return make_error(Errc::refused, with_errno("could not write " + path));
  bool good = !owner || ::fchown(fd, owner->uid, owner->gid) == 0;
  for (std::size_t done = 0; good && done < text.size();) {
    const ssize_t written = ::write(fd, text.data() + done, text.size() - done);
    good = written > 0;
    if (good) done += static_cast<std::size_t>(written);
  }
  const std::string problem = with_errno("could not write " + path);
  good = ::close(fd) == 0 && good;
  if (!good) return make_error(Errc::refused, problem);
  return {};
}

std::string last_lines(const std::string& path, std::size_t count) {
  std::ifstream in(path);
  std::deque<std::string> kept;
  for (std::string line; std::getline(in, line);) {
    kept.push_back(line);
    if (kept.size() > count) kept.pop_front();
  }
  std::string out;
  for (const std::string& line : kept) out += "\n    " + line;
  return out;
}

std::string random_password() {
  std::array<unsigned char, 18> bytes{};
  for (std::size_t done = 0; done < bytes.size();) {
    const ssize_t got = ::getrandom(bytes.data() + done, bytes.size() - done, 0);
    if (got > 0) done += static_cast<std::size_t>(got);
  }
  static constexpr char k_digits[] = "0123456789abcdef";
  std::string out;
  for (const unsigned byte : bytes) out += {k_digits[byte >> 4U], k_digits[byte & 15U]};
  return out;
}

int free_loopback_port() {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return 0;
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  auto* raw = reinterpret_cast<sockaddr*>(&address);
  const bool good = ::bind(fd, raw, size) == 0 && ::getsockname(fd, raw, &size) == 0;
  ::close(fd);
  return good ? ntohs(address.sin_port) : 0;
}

}  // namespace pgphase
