# A cache before two processes of 'singan serve --root-path /pictures', for varnishd -f.
# docs/serving.md says more ("Past one machine"). The tests run this file, with other ports.

vcl 4.1;

import directors;

probe health {
    .url = "/healthz";
    .interval = 2s;
    .timeout = 1s;
    .window = 3;
    .threshold = 2;
}

backend one {
    .host = "127.0.0.1";
    .port = "8001";
    .probe = health;
    .first_byte_timeout = 75s;  # more than --timeout
}

backend two {
    .host = "127.0.0.1";
    .port = "8002";
    .probe = health;
    .first_byte_timeout = 75s;
}

sub vcl_init {
    new singan = directors.round_robin();
    singan.add_backend(one);
    singan.add_backend(two);
}

sub vcl_recv {
    if (req.url !~ "^/pictures/" || req.url ~ "^/pictures/metrics") {
        return (synth(404));  # numbers are those of one process, and for whoever runs it
    }
    set req.url = regsub(req.url, "^/pictures", "");
    unset req.http.Cookie;  # the service reads none
    set req.http.X-Forwarded-For = client.ip;  # written anew: no client passes for another one
    set req.backend_hint = singan.backend();
    if (req.url ~ "^/v1/training") {
        set req.backend_hint = one;  # a training is known to the process that does it
        return (pass);
    }
}

sub vcl_backend_response {
    unset beresp.http.X-Request-ID;  # that of the request for which a kept answer was made
}

# A process that cannot be reached: the other one is asked, unless that could do something twice.
sub vcl_backend_error {
    if (bereq.retries == 0 && (bereq.method == "GET" || bereq.method == "HEAD")) {
        set bereq.backend = singan.backend();
        return (retry);
    }
}

sub vcl_deliver {
    if (obj.hits > 0) {
        set resp.http.X-Cache = "HIT";
    } else {
        set resp.http.X-Cache = "MISS";
    }
}
