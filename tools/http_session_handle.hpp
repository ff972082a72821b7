// What the handler of a lasting connection holds; it may outlive the connection.
#pragma once

#include "tools/http.hpp"
#include "tools/paced.hpp"

#include <memory>
#include <utility>

namespace remed::tools {

/// Passes everything on to the session while it lives; after that it is closed.
template <class Session>
class session_handle final : public websocket, public paced {
public:
  explicit session_handle(std::weak_ptr<Session> session) : session_(std::move(session)) {}
  void send(std::string message, bool binary) override {
    if (auto session = session_.lock()) session->send(std::move(message), binary);
  }
  void close(int code) override {
    if (auto session = session_.lock()) session->close(code);
  }
  bool closed() const override {
    auto session = session_.lock();
    return !session || session->closed();
  }
  std::size_t pending() const override {
    auto session = session_.lock();
    return session ? session->pending() : 0;
  }
  void on_drained(std::function<void()> callback) override {
    if (auto session = session_.lock()) session->on_drained(std::move(callback));
  }
  void hold(bool on) override {
    if (auto session = session_.lock()) session->hold(on);
  }
  void on_message(std::function<void(std::string, bool)> callback) override {
    if (auto session = session_.lock()) session->on_message(std::move(callback));
  }
  void on_close(std::function<void()> callback) override {
    if (auto session = session_.lock()) session->on_close(std::move(callback));
  }

private:
  std::weak_ptr<Session> session_;
};

} // namespace remed::tools
